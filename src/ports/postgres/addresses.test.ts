import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressesIn } from './addresses.ts'

const cases: [what: string, url: string, addresses: string[]][] = [
  ['one host', 'postgres://a:b%40c@h:1/d?sslmode=require', ['postgres://a:b%40c@h:1/d?sslmode=require']],
  ['no port', 'postgresql://h/d', ['postgresql://h/d']],
  [
    'several, each with its port',
    'postgres://u@h:1,i:2,j/d',
    ['postgres://u@h:1/d', 'postgres://u@i:2/d', 'postgres://u@j/d'],
  ],
  ['IPv6', 'postgres://u@[::1]:1,[::2]/d', ['postgres://u@[::1]:1/d', 'postgres://u@[::2]/d']],
  ['named behind', 'postgres:///d?host=h,i&port=1,2', ['postgres://h:1/d', 'postgres://i:2/d']],
  [
    'folders of sockets',
    'postgres://u@localhost/d?host=%2Fa%20b,%2Fc&target_session_attrs=read-write',
    ['postgres://u@localhost/d?host=%2Fa+b', 'postgres://u@localhost/d?host=%2Fc'],
  ],
]
for (const [what, url, addresses] of cases)
  test(`the servers of a URL: ${what}`, () => {
    assert.deepEqual(addressesIn(url), addresses)
  })

test('a URL that asks for no primary, or whose ports do not fit its hosts, is refused in words', () => {
  assert.throws(
    () => addressesIn('postgres://h,i/d?target_session_attrs=standby'),
    /target_session_attrs is "standby"/,
  )
  assert.throws(() => addressesIn('postgres:///d?host=h,i,j&port=1,2'), /3 hosts and 2 ports/)
})
