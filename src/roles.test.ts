import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { roles, routedRoles } from '#roles'

test('the list says whom each role asks, no more and no less: the network is closed by it', () => {
  for (const { name, calls, isPublic } of roles) {
    const asked = new Set(isPublic ? routedRoles.map((role) => role.name) : [])
    for (const path of sources(join(import.meta.dirname, 'services', name)))
      for (const [, service = ''] of readFileSync(path, 'utf8').matchAll(
        /\b(?:call|instances)\(\s*'([a-z]+)'/g,
      ))
        asked.add(service)
    assert.deepEqual([...calls].sort(), [...asked].sort(), name)
  }
})

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => join(folder, file))
}
