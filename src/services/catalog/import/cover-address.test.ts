import assert from 'node:assert/strict'
import { test } from 'node:test'
import { message, records } from '../../../../test/support/onix.ts'
import { Notes } from './findings.ts'
import { checked } from './to-book.ts'

const bad = [
  'http://pictures.example.org/dune.jpg',
  '//pictures.example.org/dune.jpg',
  '/\\pictures.example.org/dune.jpg',
  'https://ada:secret@pictures.example.org/dune.jpg',
  'javascript:alert(1)',
  'data:image/svg+xml,<svg/>',
  'ftp://pictures.example.org/dune.jpg',
]

test('a cover by plain http, by somebody’s password or of no address is left out with a reason, and the book is taken', () => {
  for (const cover of bad) {
    const notes = new Notes()
    const result = checked({ isbn: '9780441172719', title: 'Dune', cover }, notes)
    assert.equal(result.kind, 'ok', cover)
    assert.equal(result.kind === 'ok' && result.book.cover, undefined, cover)
    assert.deepEqual(
      notes.list.map(({ field, kind, from }) => ({ field, kind, from })),
      [{ field: 'cover', kind: 'left-out', from: JSON.stringify(cover) }],
    )
  }
  const good = checked({
    isbn: '9780441172719',
    title: 'Dune',
    cover: 'https://pictures.example.org/dune.jpg',
  })
  assert.equal(good.kind === 'ok' && good.book.cover, 'https://pictures.example.org/dune.jpg')
})

test('the link to a publisher’s picture is by https and has nobody’s password', async () => {
  const linked = async (link: string) => {
    const resource = `<SupportingResource><ResourceContentType>01</ResourceContentType><ResourceVersion><ResourceLink>${link}</ResourceLink></ResourceVersion></SupportingResource>`
    const [record] = await records(message({ collateral: resource }))
    return record?.kind === 'book' ? record.book.details?.coverLink : record
  }
  assert.equal(await linked('https://pictures.example.org/dune.jpg'), 'https://pictures.example.org/dune.jpg')
  for (const link of bad.filter((each) => !each.includes('<')))
    assert.equal(await linked(link), undefined, link)
})
