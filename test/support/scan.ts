import assert from 'node:assert/strict'
import jsQr from 'jsqr'
import { getDocumentProxy } from 'unpdf'

/** A run of dark squares: where it starts, in squares from the upper left, and how many they are. */
export type Run = readonly [x: number, y: number, length: number]

/** Reads the QR code on the page of a voucher, as a till with a camera would. @returns its text, '' if it has none */
export async function scanPage(pdf: Uint8Array): Promise<string> {
  const document = await getDocumentProxy(new Uint8Array(pdf))
  const page = await document.getPage(1)
  const { argsArray } = await page.getOperatorList()
  const paths = argsArray.map((args): ArrayLike<number> => args?.[1]?.[0] ?? [])
  const numbers = paths.reduce((longest, path) => (path.length > longest.length ? path : longest), [])
  // Each rectangle is thirteen numbers: move to x y, three times line to x y, close.
  const runs = Array.from({ length: numbers.length / 13 }, (_, i): Run => {
    const [move, x = 0, y = 0, line, right = 0] = Array.from({ length: 5 }, (_, k) => numbers[i * 13 + k])
    assert.deepEqual(
      [move, line, numbers[i * 13 + 12]],
      [0, 1, 4],
      'the longest path of the page is the QR code',
    )
    return [x, y, right - x]
  })
  return scanRuns(runs)
}

/** Paints the runs, 4 pixels to the square, and reads the picture. */
export function scanRuns(runs: readonly Run[]): string {
  const size = Math.max(0, ...runs.map(([x, , length]) => x + length))
  const [scale, quiet] = [4, 4]
  const width = (size + 2 * quiet) * scale
  const pixels = new Uint8ClampedArray(width * width * 4).fill(255)
  for (const [x, y, length] of runs)
    for (let py = 0; py < scale; py++)
      for (let px = 0; px < length * scale; px++) {
        const at = ((y + quiet) * scale + py) * width + (x + quiet) * scale + px
        pixels.fill(0, at * 4, at * 4 + 3)
      }
  const decode = jsQr as unknown as (
    data: Uint8ClampedArray,
    width: number,
    height: number,
  ) => { data: string } | null
  return decode(pixels, width, width)?.data ?? ''
}
