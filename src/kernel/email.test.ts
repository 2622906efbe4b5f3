import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEmail, mailboxOf } from './email.ts'

test('an address may be internationalised before and after its at sign', () => {
  const fine = [
    'ada@example.org',
    'ada@bücher.example',
    'jörg@example.org',
    '我@例子.我',
    'a.b+c@sub.example.co.uk',
    'иван@пример.рф',
    'x@xn--bcher-kva.example',
  ]
  for (const email of fine) assert.equal(isEmail(email), true, email)
})

test('what no mail could be sent to is no address', () => {
  const wrong = [
    '',
    'ada',
    'ada@',
    '@example.org',
    'ada@example',
    'a b@example.org',
    'ada@exa mple.org',
    '.ada@example.org',
    'a..b@example.org',
    'ada@-x.org',
    'ada@1.2.3.4',
    'ada@[127.0.0.1]',
    'ada@example.org/x',
    'a\u0000b@example.org',
    `a\u202eb@example.org`,
    `${'x'.repeat(65)}@example.org`,
    `${'ö'.repeat(40)}@example.org`,
    `ada@${'x.'.repeat(130)}org`,
    'ada@example.org\n',
  ]
  for (const email of wrong) assert.equal(isEmail(email), false, JSON.stringify(email))
})

test('two spellings of one mailbox are one customer', () => {
  assert.equal(mailboxOf('Ada@Bücher.example'), mailboxOf('ada@xn--bcher-kva.example'))
  assert.equal(mailboxOf('J\u006f\u0308rg@example.org'), mailboxOf('j\u00f6rg@example.org'))
  assert.notEqual(mailboxOf('jörg@example.org'), mailboxOf('jorg@example.org'))
})
