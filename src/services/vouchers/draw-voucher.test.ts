import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { extractText, getDocumentProxy, getMeta } from 'unpdf'
import { makeCode, parseVoucherUrl, signCode, verifyCode, voucherUrl } from '#kernel/voucher-code'
import { systemClock } from '#ports/clock'
import { type Run, scanPage, scanRuns } from '../../../test/support/scan.ts'
import type { VoucherData } from './contract.ts'
import { openDrawing, qrSvg } from './draw-voucher.ts'

// Typst looks at the machine's own faces as well, after ours: here it is told that there are none.
const fontConfig = join(mkdtempSync(join(tmpdir(), 'octavo-fonts-')), 'fonts.conf')
writeFileSync(fontConfig, '<?xml version="1.0"?><fontconfig><dir>/nonexistent</dir></fontconfig>')
process.env.FONTCONFIG_FILE = fontConfig
after(() => rmSync(dirname(fontConfig), { recursive: true }))

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const draw = openDrawing('https://books.example.org')

function voucher(over: Partial<VoucherData> = {}): VoucherData {
  const code = makeCode(systemClock)
  return {
    code,
    signature: signCode(code, privateKey),
    isbn: '9780141439518',
    title: 'Pride and Prejudice',
    contributors: ['Jane Austen'],
    customerName: 'Ada Byron',
    orderId: systemClock.uuid(),
    orderedAt: '2026-11-20T23:30:00Z',
    number: 2,
    count: 3,
    ...over,
  }
}

test('a voucher is one tagged page that says what it is for, for whom, and how to redeem it', async () => {
  const data = voucher()
  const pdf = draw(data, undefined)
  const { text, pages, info } = await read(pdf)
  assert.equal(pages, 1)
  for (const part of [
    'Pride and Prejudice',
    'Jane Austen',
    'Ada Byron',
    data.code,
    data.isbn,
    data.orderId,
    '20 November 2026',
    'VOUCHER 2 OF 3',
    'How to redeem it',
    'books.example.org',
  ])
    assert.ok(text.replace(/\s+/g, ' ').toLowerCase().includes(part.toLowerCase()), `${part} in ${text}`)
  assert.equal(info.Title, 'Voucher for Pride and Prejudice')
  assert.equal(info.Author, 'Jane Austen')
  assert.equal(info.Language, 'en')
  assert.match(pdf.toString('latin1'), /\/MarkInfo\s*<<[^>]*\/Marked true/)
})

const names = [
  'Фёдор Михайлович Достоевский',
  'Νίκος Καζαντζάκης',
  'José Łukasiewicz-Ångström',
  'Nguyễn Thị Minh Khai',
  'Þórr Ðe Ǿ',
  'משה בן מימון',
  '山田太郎',
  '刘慈欣',
  '紅樓夢',
  '김철수',
  'カタカナ',
  '😀',
  'ไทย',
  'Հայերեն',
  'ქართული',
  'O’Neill — “Q” & <b>',
]
for (const name of names) {
  test(`the name ${name} is printed as it is written`, async () => {
    const { text, glyphsMissing } = await read(draw(voucher({ customerName: name }), undefined))
    const printed = words(text)
    for (const word of name.split(/[ -]/)) assert.ok(printed.includes(word), text)
    assert.equal(glyphsMissing, false)
  })
}

test('Arabic, Devanagari and stacked marks find their glyphs', async () => {
  for (const customerName of [
    'محمد بن موسى الخوارزمي',
    'श्रीनिवास रामानुजन् आर्यभट्ट',
    'বাংলা',
    'தமிழ்',
    'e\u0323\u0302 Z\u0324\u0308 q\u0307\u0323',
    'שָׁלוֹם',
  ]) {
    assert.equal((await read(draw(voucher({ customerName }), undefined))).glyphsMissing, false, customerName)
  }
  assert.equal(
    (await read(draw(voucher({ customerName: '\u{10FFFD}' }), undefined))).glyphsMissing,
    true,
    'the test can tell',
  )
})

test('what looks like markup is printed, not run', async () => {
  const strange = [
    '#sys.version',
    '*bold* _it_ `raw`',
    '"]{ $x$ }[',
    '<label> @ref',
    '\\ \\u{41} //c /*',
    '= Heading',
    '#{x} #import "/etc/passwd"',
  ]
  for (const each of strange) {
    const data = voucher({ title: each, contributors: [each], customerName: each })
    const { text, info } = await read(draw(data, undefined))
    const bare = text.replace(/\s/g, '')
    assert.equal(bare.split(each.replace(/\s/g, '')).length - 1, 5, `${each} in ${text}`)
    assert.equal(info.Title, `Voucher for ${each}`)
  }
})

test('the longest texts, unbroken, stay on their page', async () => {
  for (const letter of ['W', '書', 'ا', 'क्षि']) {
    const long = letter.repeat(Math.floor(200 / letter.length))
    const data = voucher({
      title: letter.repeat(500 / letter.length),
      contributors: Array(50).fill(long),
      customerName: long,
    })
    const { pages, outside } = await read(draw(data, undefined))
    assert.equal(pages, 1)
    assert.equal(outside, 0, letter)
  }
})

test('control characters and lone surrogates do not stop a voucher', () => {
  const text = 'a\u0000b\u0007c\ud800d\r\ne\u2028f'
  draw(voucher({ title: text, contributors: [text, ''], customerName: text }), undefined)
  draw(voucher({ title: '', contributors: [], customerName: '' }), undefined)
})

test('a cover is drawn into the page, and one that is no picture is an error of the drawing', async () => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 3"><path d="M0 0h2v3z" fill="#123456"/></svg>'
  const withCover = draw(voucher(), svg)
  assert.equal((await read(withCover)).pages, 1)
  assert.throws(() => draw(voucher(), '<svg'), { name: 'DrawingFailed' })
})

test('the same voucher gives the same bytes', () => {
  const data = voucher()
  assert.deepEqual(draw(data, undefined), draw(data, undefined))
})

test('the QR code reads as the signed URL', () => {
  const { code, signature } = voucher()
  const svg = qrSvg(voucherUrl('https://books.example.org', code, signature))
  const runs = svg.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)
  const read = parseVoucherUrl(
    scanRuns(Array.from(runs, ([, x, y, length]): Run => [Number(x), Number(y), Number(length)])),
  )
  assert.equal(read?.code, code)
  assert.ok(verifyCode(code, read?.signature ?? '', publicKey))
})

test('the page carries that QR code', async () => {
  const { code, signature, ...data } = voucher()
  assert.equal(
    await scanPage(draw({ code, signature, ...data }, undefined)),
    voucherUrl('https://books.example.org', code, signature),
  )
})

/** The text of the page, its metadata, whether a glyph was missing, and how many pieces of text end off the page. */
async function read(pdf: Buffer) {
  const document = await getDocumentProxy(new Uint8Array(pdf))
  const { text } = await extractText(document, { mergePages: true })
  const { info } = await getMeta(document)
  const page = await document.getPage(1)
  const [left = 0, bottom = 0, right = 0, top = 0] = page.view
  const { items } = await page.getTextContent()
  const outside = items.filter((item) => {
    if (!('transform' in item)) return false
    const [x, y] = [Number(item.transform[4]), Number(item.transform[5])]
    return x < left || x + item.width > right || y < bottom || y > top
  }).length
  return {
    text,
    info: info as Record<string, unknown>,
    pages: document.numPages,
    outside,
    glyphsMissing: hasMissingGlyph(pdf),
  }
}

/** PDF/UA-1 forbids a glyph that no face has, and the drawing claims it only where it holds. */
function hasMissingGlyph(pdf: Buffer): boolean {
  return !pdf.includes('<pdfuaid:part>1</pdfuaid:part>')
}

/** Words in some order, because text that runs from right to left is read out of a page by the word. */
const words = (text: string) => text.split(/\s+/).sort().join(' ')
