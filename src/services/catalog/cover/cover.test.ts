import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CoverBook, coverUrl, drawCover } from './cover.ts'
import { breakLines } from './line-breaks.ts'
import { widthOf } from './text-width.ts'
import { typeset } from './typeset.ts'

const book = (changes: Partial<CoverBook> = {}): CoverBook => ({
  isbn: '9780441172719',
  title: 'Dune',
  subtitle: null,
  contributors: [{ name: 'Frank Herbert', role: 'author' }],
  limited: false,
  ...changes,
})

test('the same book gets the same cover, and other books get others', () => {
  assert.equal(drawCover(book()), drawCover(book()))
  const covers = new Set(Array.from({ length: 50 }, (_, i) => drawCover(book({ title: `Title ${i}` }))))
  assert.equal(covers.size, 50)
})

test('a cover is well-formed XML with a name, loads nothing and runs nothing, whatever the title', () => {
  const titles = [
    'Tom & Jerry <script>alert("1")</script>',
    '三体',
    'ألف ليلة وليلة',
    'x'.repeat(500),
    'e\u0301'.repeat(200),
    '\uFFFE\uFFFF broken',
    'half \ud800 pair',
    '()',
    '!',
    '👩‍🚀 in space 🚀',
    ' ',
  ]
  for (const title of titles)
    for (const limited of [false, true])
      for (let i = 0; i < 12; i++) {
        const svg = drawCover(
          book({ title, limited, contributors: [{ name: `Author ${i} ]]> "`, role: 'author' }] }),
        )
        assert.match(svg, /^<svg [^>]*viewBox="0 0 400 600"[^>]*><title id="cover-title">[^<]+<\/title>/)
        assert.doesNotMatch(svg, /<script|href|@import|undefined|NaN|\uFFFE|\uFFFF/)
        assert.ok(svg.isWellFormed())
        assertNested(svg)
      }
})

function assertNested(svg: string): void {
  const open: string[] = []
  for (const [, slash, name, rest] of svg.matchAll(/<(\/?)([a-zA-Z]+)((?:[^<>"]|"[^"<]*")*)>/g)) {
    if (slash === '/') assert.equal(open.pop(), name)
    else if (!rest?.endsWith('/')) open.push(name ?? '')
  }
  assert.deepEqual(open, [])
  assert.doesNotMatch(svg.replace(/&(?:amp|lt|gt|quot);/g, ''), /&/)
}

test('a limited edition is bound in gilt', () => {
  assert.match(drawCover(book({ limited: true })), /url\(#gilt\)/)
  assert.doesNotMatch(drawCover(book()), /url\(#gilt\)/)
})

test('the URL of a cover changes with what is on it', () => {
  const urls = [book(), book({ title: 'Dune!' }), book({ subtitle: 'A novel' }), book({ limited: true })].map(
    coverUrl,
  )
  assert.equal(new Set(urls).size, 4)
  assert.equal(coverUrl(book()), coverUrl(book()))
})

test('text is broken into even lines that fit, and cut with an ellipsis where nothing fits', () => {
  const measure = (text: string) => widthOf(text, false, 0)
  const lines = breakLines('The Strange Case of Dr Jekyll and Mr Hyde', 12, measure, false) ?? []
  assert.ok(lines.every((line) => measure(line) <= 12))
  assert.equal(lines.join(' '), 'The Strange Case of Dr Jekyll and Mr Hyde')
  assert.ok(Math.min(...lines.map(measure)) > 5, `uneven: ${lines.join(' / ')}`)
  assert.equal(breakLines('Supercalifragilistic', 5, measure, false), undefined)
  const long = typeset({
    text: 'word '.repeat(400),
    x: 0,
    y: 0,
    width: 100,
    height: 100,
    size: [40, 12],
    fill: '#000',
  })
  assert.ok(long.bottom <= 101)
  assert.match(long.svg, /…/)
})
