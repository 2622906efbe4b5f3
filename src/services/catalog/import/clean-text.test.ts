import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cleanLine, cleanParagraphs } from './clean-text.ts'

test('references to 128 to 159 mean the characters of windows-1252, before and after an XML parser', () => {
  assert.equal(cleanLine('1914&#150;1918 &#x93;so&#x94; it&#146;s &#133;'), '1914–1918 “so” it’s …')
  assert.equal(cleanParagraphs('\u0093so\u0094\n\u0085'), '“so”\n…')
  assert.equal(cleanLine('a\u00a0b\u00e9'), 'a bé')
})
