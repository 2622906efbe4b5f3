import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startImport } from '#services/catalog'
import { acceptedFiles } from './upload.ts'

test('the file field offers every kind of file that the API takes', () => {
  const offered = acceptedFiles.split(',')
  assert.deepEqual(
    startImport.streams?.filter((type) => !offered.includes(type)),
    [],
  )
})
