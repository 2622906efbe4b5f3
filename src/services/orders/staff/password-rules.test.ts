import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPassword, WeakPassword } from './password-rules.ts'

test('a long password that nobody else has is taken, whatever it is made of', () => {
  for (const password of [
    'a quiet corner by the window',
    'правда и вымысел',
    '書店で本を買いましょう、今日も',
    'x7Kq-92mm-Lw0p',
  ])
    checkPassword(password, 'ada@example.org')
})

test('short, common and repeated ones are refused, with the reason', () => {
  const refused: [string, RegExp][] = [
    ['a', /12 characters or more; this one has 1/],
    ['elevenchars', /this one has 11/],
    ['1qaz2wsx3edc', /most common/],
    ['q1w2e3r4t5y6', /most common/],
    ['QWERTY123456', /most common/],
    ['superman12345!', /most common/],
    ['l1verpo0l2026', /most common/],
    ['passwordpassword', /most common/],
    ['aaaaaaaaaaaaaa', /again and again/],
    ['abcabcabcabc', /again and again/],
    ['012345678901', /row of keys/],
    ['qwertyuiopas', /row of keys/],
    ['ada.byron1234', /e-mail address/],
    ['Octavo-Octavo1', /word of this shop/],
  ]
  for (const [password, why] of refused)
    assert.throws(
      () => checkPassword(password, 'ada.byron@example.org'),
      (error) => error instanceof WeakPassword && why.test(error.message),
      password,
    )
})
