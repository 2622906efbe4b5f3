import '../test-browser.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cart } from './cart.ts'
import { useCart } from './use-cart.ts'

test('a change keeps what another tab has put in or taken out meanwhile', () => {
  const { cart, setQuantity, remove } = useCart()
  const isbns = () => cart.value.map(({ isbn }) => isbn)
  otherTabKeeps([line('1'), line('2')])
  setQuantity('1', 3)
  assert.deepEqual(isbns(), ['1', '2'])
  assert.equal(cart.value[0]?.quantity, 3)
  otherTabKeeps([line('2'), line('3')])
  remove('2')
  assert.deepEqual(isbns(), ['3'])
})

test('a cart that the browser will not keep lasts as long as the page', (t) => {
  const { cart, setQuantity } = useCart()
  otherTabKeeps([line('1'), line('2')])
  t.mock.method(localStorage, 'setItem', () => {
    throw new Error('The quota has been exceeded.')
  })
  setQuantity('1', 3)
  setQuantity('2', 4)
  assert.deepEqual(
    cart.value.map(({ quantity }) => quantity),
    [3, 4],
  )
})

/** As it looks from a tab that has not heard of it yet. */
const otherTabKeeps = (cart: Cart) => localStorage.setItem('octavo-cart', JSON.stringify(cart))

const line = (isbn: string): Cart[number] => ({
  ...{ isbn, quantity: 1, title: `Book ${isbn}`, byline: 'Ada Byron', cover: `/covers/${isbn}.svg` },
  ...{ price: { amount: 1250, currency: 'EUR' }, perCustomer: null },
})
