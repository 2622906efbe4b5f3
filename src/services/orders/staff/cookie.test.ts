import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sessionTokenOf } from '#ports/http'
import { cookieWith } from './cookie.ts'

test('by https the session’s cookie is secure and of this host alone; on one machine it goes by http', () => {
  const secure = cookieWith('staff_a', 60, 'https://shop.example.org')
  assert.equal(secure, '__Host-octavo_session=staff_a; Path=/; HttpOnly; SameSite=Strict; Max-Age=60; Secure')
  assert.equal(
    cookieWith('staff_a', 60, 'http://localhost:8080'),
    'octavo_session=staff_a; Path=/; HttpOnly; SameSite=Strict; Max-Age=60',
  )
})

test('a cookie that another host or plain http has set does not stand before the host’s own', () => {
  assert.equal(sessionTokenOf('octavo_session=theirs; __Host-octavo_session=ours'), 'ours')
  assert.equal(sessionTokenOf('a=b; octavo_session=plain'), 'plain')
  assert.equal(sessionTokenOf('__Host-octavo_sessions=x; xoctavo_session=y'), undefined)
})
