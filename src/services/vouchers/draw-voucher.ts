import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NodeCompiler } from '@myriaddreamin/typst-ts-node-compiler'
import { encode } from 'uqr'
import { voucherUrl } from '#kernel/voucher-code'
import type { VoucherData } from './contract.ts'
import { fontPaths } from './fonts.ts'

/** @throws DrawingFailed, which only a cover that is no SVG should bring about */
export type DrawVoucher = (voucher: VoucherData, coverSvg: string | undefined) => Buffer

/** A voucher that Typst could not draw. */
export class DrawingFailed extends Error {
  override name = 'DrawingFailed'
}

const here = fileURLToPath(new URL('.', import.meta.url))
/** Typst keeps what it laid out, and uses it again; what was not used for so many drawings goes. */
const evictEvery = 8
const keptForDrawings = 16
const bylineAuthorsMax = 3

/**
 * Sets up the typesetter, once per process: it reads the template and the faces.
 * The function it returns draws one voucher as a tagged PDF, in some milliseconds; the same voucher gives the same
 * bytes. It conforms to PDF/UA-1 wherever the faces have every character. `coverSvg` is the book's cover; without it the page shows a plain one with the title.
 * @param publicUrl the shop's address, for the QR code
 */
export function openDrawing(publicUrl: string): DrawVoucher {
  const compiler = NodeCompiler.create({ workspace: here, fontArgs: [{ fontPaths: fontPaths() }] })
  // Files that are kept in memory, and not `sys.inputs`: those are part of what everything laid out depends on, so
  // that nothing of one voucher would serve for the next.
  const inMemory = (name: string, content: string) =>
    compiler.mapShadow(join(here, name), Buffer.from(content))
  let drawn = 0

  return (voucher, coverSvg) => {
    const hasCover = coverSvg !== undefined
    inMemory('voucher.json', JSON.stringify({ ...textsOf(voucher, publicUrl), hasCover }))
    inMemory('qr.svg', qrSvg(voucherUrl(publicUrl, voucher.code, voucher.signature)))
    if (hasCover) inMemory('cover.svg', inOurFaces(coverSvg))
    // Not compiled to a document first: each would wait for the garbage collector, which does not see its megabytes.
    const source = { mainFilePath: join(here, 'voucher.typ') }
    try {
      try {
        return compiler.pdf(source, { pdfStandard: 'ua-1' })
      } catch {
        // The standard forbids what no face has, and cannot be met by every Arabic text; those readers get a tagged
        // page all the same.
        return compiler.pdf(source)
      }
    } catch (error) {
      throw new DrawingFailed(`voucher ${voucher.code} cannot be drawn: ${reasonOf(error)}`, { cause: error })
    } finally {
      if (++drawn % evictEvery === 0) compiler.evictCache(keptForDrawings)
    }
  }
}

/** The compiler's errors carry what it found in one of two places. */
function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string }
  return (message || code || String(error)).slice(0, 500)
}

/** The texts of the page, by the names that voucher.typ gives them. */
function textsOf(voucher: VoucherData, publicUrl: string) {
  const { title, contributors, customerName, count, number } = voucher
  const others = contributors.length - bylineAuthorsMax
  const named = contributors.slice(0, bylineAuthorsMax).map((name) => breakable(shortened(name)))
  return {
    documentTitle: `Voucher for ${clean(title)}`,
    plainTitle: clean(title),
    title: breakable(title),
    authors: contributors.map(clean),
    byline: others > 0 ? `${named.join(', ')} and ${others} more` : named.join(', '),
    customerName: breakable(customerName),
    code: voucher.code,
    isbn: voucher.isbn,
    orderId: voucher.orderId,
    orderedOn: dateOf(voucher.orderedAt),
    place: count > 1 ? `Voucher ${number} of ${count}` : 'Voucher',
    shop: publicUrl.replace(/^https?:\/\//, ''),
  }
}

const dates = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' })

function dateOf(time: string): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? '' : dates.format(date)
}

/** Without what no printed line shows: control characters and halves of surrogate pairs. */
function clean(text: string): string {
  return text
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
const unbrokenMax = 24
const bylineNameMax = 48
const breaksAnywhere = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u

/** A name in a row of names; the whole of it is in the document's metadata. */
function shortened(name: string): string {
  const parts = Array.from(graphemes.segment(clean(name)), ({ segment }) => segment)
  return parts.length > bylineNameMax ? `${parts.slice(0, bylineNameMax - 1).join('')}…` : clean(name)
}

/** Marks with a zero-width space where a word longer than any line may be broken, so that nothing runs off the page. */
function breakable(text: string): string {
  return clean(text).replace(/\S{25,}/gu, (word) => {
    if (breaksAnywhere.test(word)) return word
    const parts = Array.from(graphemes.segment(word), ({ segment }) => segment)
    return parts.map((part, i) => (i > 0 && i % unbrokenMax === 0 ? `\u200B${part}` : part)).join('')
  })
}

/** The faces a cover asks for are those of browsers; here it gets the nearest of ours, the same on every machine. */
function inOurFaces(svg: string): string {
  return svg.replace(/font-family="([^"]*)"/g, (_, families: string) =>
    /sans-serif|monospace/.test(families) ? 'font-family="Instrument Sans"' : 'font-family="Newsreader"',
  )
}

/** Any mask can be read. Looking for the one with the fewest patches takes longer than the page, and the text is random anyway. */
const maskPattern = 0

/**
 * A QR code as one path of unit squares; runs of a row are one rectangle. Level M: a fold may cost it a corner.
 * Source: ISO/IEC 18004, where the mask is part of the format and chosen by the writer.
 */
export function qrSvg(text: string): string {
  const { data, size } = encode(text, { ecc: 'M', border: 0, maskPattern })
  let path = ''
  for (const [y, row] of data.entries()) {
    for (let x = 0; x < size; x++) {
      const start = x
      while (row[x]) x++
      if (x > start) path += `M${start} ${y}h${x - start}v1h-${x - start}z`
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges"><path d="${path}"/></svg>`
}
