import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { startStore } from '../support/whole-store.ts'
import { barriersOn, isQuiet, lookAtPage } from './barriers.ts'
import { openBrowser } from './open-browser.ts'

const csv = [
  'Nummer;Werk;Von;Kostet;Regal',
  '9780441172719;Dune;Frank Herbert;12,90;A1',
  '9780141439518;Pride and Prejudice;Jane Austen;9,90;A2',
  '9780306406158;Wrong number;Nobody;1,00;A3',
].join('\n')

const related = (relation: string, isbn: string) =>
  `<RelatedProduct><ProductRelationCode>${relation}</ProductRelationCode><ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>${isbn}</IDValue></ProductIdentifier></RelatedProduct>`

const onix = `<ONIXMessage release="3.0"><Product><NotificationType>03</NotificationType><ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>9780306406157</IDValue></ProductIdentifier><DescriptiveDetail><ProductForm>EA</ProductForm><ProductFormFeature><ProductFormFeatureType>09</ProductFormFeatureType><ProductFormFeatureValue>52</ProductFormFeatureValue></ProductFormFeature><ProductFormFeature><ProductFormFeatureType>09</ProductFormFeatureType><ProductFormFeatureValue>00</ProductFormFeatureValue><ProductFormFeatureDescription>Tested with readers.</ProductFormFeatureDescription></ProductFormFeature><TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>01</TitleElementLevel><TitleText>An Open Book</TitleText></TitleElement></TitleDetail></DescriptiveDetail><RelatedMaterial>${related('06', '9780441172719')}${related('03', '9780141439518')}${related('30', '9780735211292')}</RelatedMaterial></Product></ONIXMessage>`

const file = (name: string, text: string | Buffer) => ({
  name,
  mimeType: 'application/octet-stream',
  buffer: Buffer.from(text),
})

test('a bookseller imports a catalogue', async (t) => {
  const store = await startStore(t, 'off')
  const { page, context, complaints } = await openBrowser(t, store.url)
  await context.addInitScript({ path: lookAtPage })
  const session = { headers: { accept: '*/*' }, data: store.staff }
  assert.ok((await context.request.post('/api/session', session)).ok())

  await t.test('a file whose columns have no known names is refused with the names that it has', async () => {
    await choose(page, file('liste.csv', csv))
    await page.getByRole('button', { name: 'Preview' }).click()
    await page.getByText(/no column holds the isbn or the title; the columns are Nummer, Werk/).waitFor()
    assert.deepEqual(await barriersOn(page), [])
  })

  await t.test('a preview shows how columns are read, and they can be chosen before the import', async () => {
    await choose(page, file('liste.csv', csv.replace('Nummer;Werk', 'ISBN;Titel')))
    await page.getByRole('button', { name: 'Preview' }).click()
    const columns = page.getByTestId('column-mapping')
    await columns.waitFor()
    await columns.getByText('Dune · Pride and Prejudice · Wrong number').waitFor()
    assert.equal(await columns.getByLabel('Column ISBN is read as').inputValue(), 'isbn')
    assert.equal(await columns.getByLabel('Column Kostet is read as').inputValue(), '')
    await columns.getByLabel('Column Kostet is read as').selectOption('Price')
    await columns.getByLabel('Column Von is read as').selectOption('Authors')
    assert.ok(await page.getByRole('button', { name: 'Import this file' }).isDisabled(), 'first previewed')
    await page.waitForFunction(isQuiet)
    assert.deepEqual(await barriersOn(page), [])
    const before = page.url()
    await page.getByRole('button', { name: 'Preview with these columns' }).click()
    await page.waitForURL((url) => url.href !== before)
    await page.getByText('New: Dune').waitFor()
    assert.equal(await columns.getByLabel('Column Kostet is read as').inputValue(), 'price')
    const seen = page.url()
    await page.getByRole('button', { name: 'Import this file' }).click()
    await page.waitForURL((url) => url.href !== seen)
    await page.getByRole('heading', { name: 'Import done' }).waitFor()
    await page.getByText(/"9780306406158" has a wrong check digit/).waitFor()
    assert.deepEqual(await barriersOn(page), [])
    const book = await (await page.request.get('/api/books/9780441172719')).json()
    assert.deepEqual(
      [book.title, book.price?.amount, book.contributors[0]?.name],
      ['Dune', 1290, 'Frank Herbert'],
    )
  })

  await t.test(
    'the report is there after the tab was closed, and a preview asks for its file again',
    async () => {
      const another = await context.newPage()
      await another.goto('/console/imports')
      await another
        .getByRole('link', { name: /^liste\.csv/ })
        .first()
        .click()
      await another.getByTestId('import-report').waitFor()
      await another.getByText(/"9780306406158" has a wrong check digit/).waitFor()
      await another.goto('/console/imports')
      await another
        .getByRole('link', { name: /^liste\.csv/ })
        .nth(1)
        .click()
      await another.getByText('The file is no longer at hand here.').waitFor()
      await another.getByRole('link', { name: /Choose it again to import it with these columns/ }).click()
      await another.getByText('Columns are read as chosen in the preview.').waitFor()
      await another.close()
    },
  )

  await t.test(
    'a file that is no catalogue is refused, and one that is cut off says what was taken',
    async () => {
      await choose(page, file('cover.png', Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10])))
      await page.getByRole('button', { name: 'Import', exact: true }).click()
      await page.getByText(/it is a PNG picture/).waitFor()
      await choose(page, file('cut.onx', onix.replace('</ONIXMessage>', '<Product><RecordReference>')))
      await page.getByRole('button', { name: 'Import', exact: true }).click()
      await page.getByRole('heading', { name: 'Import failed' }).waitFor()
      await page.getByText(/the file is cut off/).waitFor()
      assert.deepEqual(await barriersOn(page), [])
    },
  )

  await t.test('what a publisher says of accessibility stands on the page of the book', async () => {
    await page.goto('/shop/books/9780306406157')
    const block = page.getByTestId('accessibility')
    await block.getByText('Tested with readers.').waitFor()
    await page.waitForFunction(isQuiet)
    assert.deepEqual(await barriersOn(page), [])
  })
  await t.test('related titles stand there by what they are, and those in the shop are links', async () => {
    const titles = page.getByTestId('related-titles')
    await titles.getByText('Other formats').waitFor()
    await titles.getByText('ISBN 9780735211292, not in our shop').waitFor()
    assert.deepEqual(
      (await titles.locator('dt, a').allTextContents()).map((text) => text.trim()),
      ['Other formats', 'Dune', 'Replaces', 'Pride and Prejudice', 'In the same series'],
    )
    await page.waitForFunction(isQuiet)
    assert.deepEqual(await barriersOn(page), [])
    await titles.getByRole('link', { name: 'Dune' }).press('Enter')
    await page.getByRole('heading', { name: 'Dune', level: 1 }).waitFor()
  })
  assert.deepEqual(complaints, [])
})

async function choose(page: Page, chosen: ReturnType<typeof file>): Promise<void> {
  await page.goto('/console/imports')
  await page.getByLabel('Catalogue file').setInputFiles(chosen)
  await page.getByText(chosen.name).waitFor()
}
