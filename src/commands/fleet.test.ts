import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manifestsIn } from './fleet.ts'

test('manifests of a version are taken however kubectl writes them', () => {
  const [one, two] = [{ kind: 'Service', spec: {} }, { kind: 'Deployment' }]
  const written = (value: object) => `${JSON.stringify(value, null, 4)}\n`
  assert.deepEqual(manifestsIn(written(one)), [one])
  assert.deepEqual(manifestsIn(written({ kind: 'List', items: [one, two] })), [one, two])
  assert.deepEqual(manifestsIn(written(one) + written(two)), [one, two])
  assert.deepEqual(manifestsIn('\n'), [])
  assert.throws(() => manifestsIn('kind: Service'), SyntaxError)
})
