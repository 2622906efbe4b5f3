import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callChecker, callSigner } from '#kernel/signed-calls'
import { checkLink, signedLink } from './signed-link.ts'

/** Each step of a change of the secret, as the processes of before and after it have it. */
const steps = ['old', 'old\nnew', 'new\nold\n', 'new']
const clock = { role: 'catalog', nowSeconds: () => 1_000, onAged: () => undefined }

test('at each step of a change, processes of before and after it take what the others have signed', () => {
  for (const [i, after] of steps.entries())
    for (const [signs, checks] of [
      [steps[i - 1] ?? after, after],
      [after, steps[i - 1] ?? after],
    ] as const) {
      const [signer, checker] = [callSigner(signs, clock.nowSeconds), callChecker(checks, clock)]
      const what = JSON.stringify([signs, checks])
      assert.equal(checker.check(signer.call('GET', '/a', null), 'GET', '/a')?.kind, 'call', what)
      assert.equal(checker.check(signer.pass('catalog'), 'GET', '/a')?.kind, 'pass', what)
      assert.equal(checkLink(checks, linkOf(signs), 0).kind, 'ok', what)
    }
})

test('a secret that was taken away opens nothing, and neither does a part of one', () => {
  const checker = callChecker('new', clock)
  for (const other of ['old', 'ne', 'old\nnew'])
    assert.equal(checker.check(callSigner(other, clock.nowSeconds).pass('catalog'), 'GET', '/'), undefined)
  assert.equal(checkLink('new', linkOf('old'), 0).kind, 'forged')
})

function linkOf(secret: string) {
  const url = new URL(signedLink(secret, 'vouchers/1/A.pdf', 5_000), 'http://shop')
  const signature = url.searchParams.get('signature') ?? ''
  return { key: 'vouchers/1/A.pdf', expires: Number(url.searchParams.get('expires')), signature }
}
