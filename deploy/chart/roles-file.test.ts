import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { rolesFile, rolesPath } from './roles-file.ts'

test("the chart's list of roles is the program's: npx node deploy/chart/roles-file.ts writes it", () => {
  assert.deepEqual(JSON.parse(readFileSync(rolesPath, 'utf8')), JSON.parse(rolesFile()))
})
