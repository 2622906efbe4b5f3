import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { test } from 'node:test'
import { parseVoucherUrl, verifyCode } from '#kernel/voucher-code'
import { scanPage } from '../support/scan.ts'
import { accepted, refused } from './client.ts'
import { ada, addBook, confirmed, type Shop } from './shop.ts'

/** Vouchers: looking up, redeeming, downloading. */
export function voucherSuite(shop: () => Shop): void {
  const redeem = (code: string) => shop().post(`/api/vouchers/${code}/redeem`, { token: shop().staff })
  const lookUp = (code: string) => shop().get(`/api/vouchers/${code}`, { token: shop().staff })
  const pathOf = (url: string) => new URL(url, shop().url).pathname + new URL(url, shop().url).search
  const newVoucher = async () => {
    const { id, vouchers } = await confirmed(
      shop(),
      await addBook(shop(), { amount: 0, title: 'Ozymandias' }),
    )
    assert.ok(vouchers[0])
    return { id, ...vouchers[0] }
  }

  test('a voucher is redeemed once, and who comes later is told when that was', async () => {
    const { id, code } = await newVoucher()
    const valid = accepted(await lookUp(code))
    assert.deepEqual(
      [valid.code, valid.title, valid.status, valid.orderId, valid.customer.name, valid.redeemedAt],
      [code, 'Ozymandias', 'valid', id, ada.name, null],
    )
    const redeemed = accepted(await redeem(code))
    assert.deepEqual([redeemed.code, redeemed.status], [code, 'redeemed'])
    assert.ok(Math.abs(Date.parse(redeemed.redeemedAt) - Date.now()) < 60_000)
    for (let i = 0; i < 2; i++)
      assert.equal(refused(await redeem(code), 409, 'already-redeemed').redeemedAt, redeemed.redeemedAt)
    assert.deepEqual(accepted(await lookUp(code)), redeemed)
  })

  test('of many tills at once one redeems', async () => {
    const { code } = await newVoucher()
    const replies = await Promise.all(Array.from({ length: 10 }, () => redeem(code)))
    assert.equal(replies.filter(({ status }) => status === 200).length, 1)
    for (const reply of replies) if (reply.status !== 200) refused(reply, 409, 'already-redeemed')
  })

  test('a code may be typed without hyphens and in small letters', async () => {
    const { code } = await newVoucher()
    for (const typed of [
      code.toLowerCase(),
      code.replaceAll('-', ''),
      encodeURIComponent(code.replaceAll('-', ' ')),
    ])
      assert.equal(accepted(await lookUp(typed)).code, code)
    accepted(await redeem(code.toLowerCase().replaceAll('-', '')))
    refused(await redeem(code), 409)
  })

  test('an unknown or forged code is 404', async () => {
    const { code } = await newVoucher()
    const other = (i: number) => code.slice(0, i) + (code[i] === 'A' ? 'B' : 'A') + code.slice(i + 1)
    const forged = [
      other(0),
      other(5),
      other(code.length - 1),
      code.slice(0, -1),
      `${code}A`,
      code.split('').toReversed().join(''),
    ]
    for (const wrong of [
      ...forged,
      'AAAA-AAAA-AAAA-AAAAA',
      'x',
      '0',
      encodeURIComponent('../../etc'),
      encodeURIComponent("' or 1=1"),
      '%F0%9F%8E%9F',
    ]) {
      refused(await lookUp(wrong), 404)
      refused(await redeem(wrong), 404)
    }
    accepted(await redeem(code))
  })

  test('the link of a voucher gives its PDF to whoever has it', async () => {
    const { url } = await newVoucher()
    assert.equal(new URL(url).origin, shop().url)
    const reply = await shop().get(pathOf(url))
    assert.equal(reply.status, 200)
    assert.equal(reply.headers.get('content-type'), 'application/pdf')
    assert.ok(reply.text.startsWith('%PDF-'))
    assert.ok(Number(reply.headers.get('content-length')) > 5_000)
    const etag = reply.headers.get('etag') ?? ''
    assert.equal((await shop().get(pathOf(url), { headers: { 'if-none-match': etag } })).status, 304)
  })

  test('a link that has expired or was changed is 403', async () => {
    const [{ url }, other] = [await newVoucher(), await newVoucher()]
    const { pathname, searchParams } = new URL(url, shop().url)
    const expires = Number(searchParams.get('expires'))
    assert.ok(expires > Date.now() && expires < Date.now() + 7 * 24 * 3_600_000, 'it expires')
    const signature = searchParams.get('signature') ?? ''
    const link = (changes: Record<string, string>, path = pathname) =>
      shop().get(`${path}?${new URLSearchParams({ expires: String(expires), signature, ...changes })}`)
    refused(await link({ expires: String(expires + 1) }), 403)
    refused(await link({ expires: String(Date.now() - 1_000) }), 403)
    refused(await link({ signature: `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}` }), 403)
    refused(await link({ signature: '' }), 403)
    refused(await link({}, new URL(other.url, shop().url).pathname), 403)
    refused(await link({}, '/api/files/..%2F..%2Fsecrets%2Fvoucher-key.pem'), 403)
    refused(await link({ expires: 'soon' }), 400)
    refused(await shop().get(pathname), 400)
  })

  test('a till can tell a forgery by the public key alone', async () => {
    const { algorithm, publicKey } = accepted(await shop().get('/api/voucher-key'))
    assert.equal(algorithm, 'Ed25519')
    const key = createPublicKey(publicKey)
    assert.equal(key.asymmetricKeyType, 'ed25519')
    const [{ code, url }, other] = [await newVoucher(), await newVoucher()]
    const pdf = await (await fetch(shop().url + pathOf(url))).bytes()
    const scanned = parseVoucherUrl(await scanPage(pdf))
    assert.ok(scanned, 'the page has a QR code')
    assert.equal(scanned.code, code)
    assert.ok(verifyCode(code, scanned.signature, key))
    const forged = code.slice(0, -1) + (code.endsWith('A') ? 'B' : 'A')
    for (const wrong of [forged, other.code]) assert.equal(verifyCode(wrong, scanned.signature, key), false)
  })

  test('vouchers are for staff', async () => {
    const { code } = await newVoucher()
    refused(await shop().get(`/api/vouchers/${code}`), 401)
    refused(await shop().post(`/api/vouchers/${code}/redeem`), 401)
    assert.equal(accepted(await lookUp(code)).status, 'valid')
  })
}
