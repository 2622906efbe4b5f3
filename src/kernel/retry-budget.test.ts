import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freshBudget, leftOf, onRequest, type RetryBudget, retryBudgetLimits, spend } from './retry-budget.ts'

function spendAll(budget: RetryBudget, nowMs: number): { spent: number; budget: RetryBudget } {
  for (let spent = 0; ; spent++) {
    const next = spend(budget, nowMs)
    if (next === undefined) return { spent, budget }
    budget = next
  }
}
const after = (requests: number, budget = freshBudget, nowMs = 0) => {
  for (let i = 0; i < requests; i++) budget = onRequest(budget, nowMs)
  return budget
}

test('retries are a share of the requests beyond a small reserve', () => {
  assert.equal(spendAll(freshBudget, 0).spent, retryBudgetLimits.reserve)
  assert.equal(spendAll(after(1_000), 0).spent, retryBudgetLimits.reserve + 200)
})

test('what was spent is there again when its window has passed', () => {
  const { budget } = spendAll(after(1_000), 0)
  assert.equal(spend(budget, 9_999), undefined)
  assert.ok(spendAll(budget, 15_000).spent < 120)
  assert.equal(spendAll(budget, 20_000).spent, retryBudgetLimits.reserve)
  assert.equal(leftOf(freshBudget, 0), retryBudgetLimits.reserve)
})

test('however long everything fails, requests grow by no more than the share', () => {
  let [budget, retries, requests] = [freshBudget, 0, 0]
  for (let at = 0; at < 120_000; at++) {
    budget = onRequest(budget, at)
    requests++
    const next = spend(budget, at)
    if (next === undefined) continue
    budget = next
    retries++
  }
  assert.ok(retries < requests * 0.2 + (120_000 / 10_000 + 2) * retryBudgetLimits.reserve, `${retries}`)
})
