import { createHash } from 'node:crypto'
import { type CoverBook, coverText } from './cover-text.ts'
import { arches } from './designs/arches.ts'
import { branch } from './designs/branch.ts'
import type { Design } from './designs/design.ts'
import { gilt } from './designs/gilt.ts'
import { hills } from './designs/hills.ts'
import { initial } from './designs/initial.ts'
import { label } from './designs/label.ts'
import { mosaic } from './designs/mosaic.ts'
import { orbits } from './designs/orbits.ts'
import { rays } from './designs/rays.ts'
import { titlePage } from './designs/title-page.ts'
import { palettes } from './palettes.ts'
import { randomFrom } from './random.ts'
import { escapeXml } from './typeset.ts'

export type { CoverBook } from './cover-text.ts'

/** Grows when a cover comes out differently for the same book, so that caches let the old one go. */
const designVersion = 1

const designs: readonly Design[] = [label, titlePage, mosaic, hills, initial, rays, orbits, branch, arches]

/**
 * Draws a book's cover: an SVG of 400 by 600 that depends on the book's words alone and loads nothing. Limited
 * editions are bound in cloth with gilt.
 */
export function drawCover(book: CoverBook): string {
  const text = coverText(book)
  const random = randomFrom(`${text.title}\n${text.authors}`)
  const palette = random.pick(palettes)
  const design = book.limited ? gilt : random.pick(designs)
  const name = escapeXml(text.authors === '' ? book.title : `${book.title}, ${text.authors}`)
  return (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 600" width="400" height="600" role="img" ' +
    `aria-labelledby="cover-title"><title id="cover-title">${name}</title>${design(text, palette, random)}${hinge}</svg>`
  )
}

/** The fold beside the spine and the light on the board: what makes a rectangle a book. */
const hinge =
  '<defs><linearGradient id="hinge"><stop offset="0" stop-opacity=".28"/><stop offset=".018" stop-opacity=".05"/>' +
  '<stop offset=".03" stop-opacity=".22"/><stop offset=".045" stop-color="#fff" stop-opacity=".16"/>' +
  '<stop offset=".09" stop-color="#fff" stop-opacity="0"/><stop offset="1" stop-color="#000" stop-opacity=".08"/>' +
  '</linearGradient></defs><path d="M0 0h400v600H0z" fill="url(#hinge)"/>'

/** Where a book's cover is; the URL changes with the cover, so that it may be kept for ever. */
export function coverUrl(book: CoverBook): string {
  return `/api/books/${book.isbn}/cover.svg?v=${coverVersion(book)}`
}

/** Tells a book's cover from every other one it has had or may get. */
export function coverVersion({ title, subtitle, contributors, limited }: CoverBook): string {
  const words = JSON.stringify([
    designVersion,
    title,
    subtitle,
    contributors.map(({ name, role }) => [name, role]),
    limited,
  ])
  return createHash('sha1').update(words).digest('base64url').slice(0, 8)
}
