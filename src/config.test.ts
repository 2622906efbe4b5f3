import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, readConfig } from '#config'

const publicUrl = (text: string) => readConfig({ OCTAVO_URL: text }).publicUrl

test('the public address is one that a browser understands', () => {
  assert.equal(publicUrl(''), 'http://localhost:8080')
  assert.equal(publicUrl('https://shop.example.org/'), 'https://shop.example.org')
  for (const text of [
    'shop.example.org',
    'localhost:8080',
    'ftp://shop.example.org',
    'http://',
    'https://a b',
  ])
    assert.throws(
      () => publicUrl(text),
      (error) => error instanceof ConfigError && /^OCTAVO_URL is ".*"; it should be/.test(error.message),
      text,
    )
})
