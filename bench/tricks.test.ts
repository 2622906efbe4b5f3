import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { telemetryParts, tricks } from './tricks.ts'

test('the text that stands for each trick is in its file, once', () => {
  const missing = Object.entries({ ...tricks, ...telemetryParts }).flatMap(([name, { changes }]) =>
    changes
      .filter(
        ({ file, from }) =>
          readFileSync(new URL(`../${file}`, import.meta.url), 'utf8').split(from).length !== 2,
      )
      .map(({ file, from }) => `${name}: ${file} has not: ${from}`),
  )
  assert.deepEqual(missing, [])
})
