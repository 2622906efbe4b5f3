import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeShown } from '../support/authenticator.ts'
import { octavo } from '../support/whole-store.ts'
import { accepted, refused, wrongFields } from './client.ts'
import { logIn, type Shop } from './shop.ts'

const [email, password] = ['second@example.org', 'a drawer full of keys']

/** Codes of an app beside the password, and codes on paper for when it is lost. */
export function secondFactorSuite(shop: () => Shop): void {
  test('who has taken a second factor is asked for it, each code once, until an operator takes it away', async () => {
    const add = ['staff', 'add', email, '--roles', 'bookseller']
    assert.equal((await octavo(shop().store, add, { OCTAVO_STAFF_PASSWORD: password })).code, 0)
    const [token, elsewhere] = [
      await logIn(shop(), { email, password }),
      await logIn(shop(), { email, password }),
    ]
    const offer = (body: object) => shop().post('/api/session/second-factor', { token, body })
    const confirm = (code: string) => shop().put('/api/session/second-factor', { token, body: { code } })
    const enter = (code?: string) => shop().post('/api/session', { body: { email, password, code } })
    assert.equal(accepted(await shop().get('/api/session', { token })).secondFactor, false)
    assert.deepEqual(wrongFields(await confirm('123456')), ['code'], 'nothing was offered')
    assert.deepEqual(wrongFields(await offer({ password: 'not the password' })), ['password'])

    const { secret, uri } = accepted(await offer({ password }))
    assert.equal(new URL(uri).searchParams.get('secret'), secret)
    accepted(await enter(), 204)
    const first = codeShown(secret)
    assert.deepEqual(wrongFields(await confirm(codeShown(secret, 10))), ['code'])
    const { paperCodes } = accepted(await confirm(first))
    assert.equal(new Set(paperCodes).size, 10)
    assert.equal(accepted(await shop().get('/api/session', { token })).secondFactor, true)
    refused(await shop().get('/api/session', { token: elsewhere }), 401)

    refused(await enter(), 401, 'code-required')
    refused(await enter('000000'), 401, 'wrong-code')
    refused(await enter(first), 401, 'wrong-code')
    const second = codeShown(secret, 1)
    accepted(await enter(second), 204)
    refused(await enter(second), 401, 'wrong-code')
    accepted(await enter(paperCodes[0].toLowerCase()), 204)
    refused(await enter(paperCodes[0]), 401, 'wrong-code')
    refused(
      await shop().post('/api/session', { body: { email, password: 'a slip' } }),
      401,
      'wrong-credentials',
    )

    assert.deepEqual(wrongFields(await offer({ password })), ['code'], 'the old one answers for a new one')
    accepted(await offer({ password, code: paperCodes[1] }))
    const { code, said } = await octavo(shop().store, ['staff', 'reset', email])
    assert.equal(code, 0, said)
    refused(await shop().get('/api/session', { token }), 401)
    accepted(await enter(), 204)
    assert.equal((await octavo(shop().store, ['staff', 'reset', email])).code, 1)
  })
}
