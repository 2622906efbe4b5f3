import { readonly, ref } from 'vue'
import type { VoucherCode } from '#kernel/voucher-text'
import type { Voucher } from '#services/gateway'
import { ApiProblem } from '../../api/problem.ts'
import { getVoucher, redeemVoucher } from '../api.ts'
import { onLogOut } from '../session.ts'
import { noteOutcome } from './history.ts'
import { readCode, type SignatureVerdict } from './read-code.ts'
import type { TillState } from './till-state.ts'
import { verdictOf } from './voucher-key.ts'

const state = ref<TillState>({ kind: 'ready' })
/** A later lookup makes the answers of earlier ones void. */
let turn = 0
/** Codes whose redemption was sent and never answered: a refusal of those may be our own success. */
const unanswered = new Set<VoucherCode>()

/** The till of this browser; it keeps its state while the bookseller looks at another page. */
export const tillState = readonly(state)

/**
 * Takes a code, typed or scanned, and looks its voucher up.
 * @param text a code in any spelling, or the URL of a QR code
 * @param signatureGiven the signature that came beside the code, base64url
 */
export async function lookUp(text: string, signatureGiven?: string): Promise<void> {
  const read = readCode(text, signatureGiven)
  const mine = ++turn
  if (read.kind === 'mistyped') {
    state.value = read
    return
  }
  const { code, signature } = read
  state.value = { kind: 'looking', code }
  const answer = await ask(code, signature)
  if (mine !== turn) return
  // A code put together from a scanner's odd letters that no order has was read wrongly, not forged.
  if (answer.kind === 'unknown' && read.repaired !== undefined)
    state.value = {
      kind: 'mistyped',
      message: `Not readable. ${read.repaired} Scan again, or type the code.`,
    }
  else show(withHint(answer, read.repaired))
}

/** Redeems the voucher that is shown; does nothing when none is waiting for that. */
export async function redeem(): Promise<void> {
  if (state.value.kind !== 'found') return
  const { voucher } = state.value
  const mine = ++turn
  state.value = { kind: 'redeeming', voucher }
  const answer = await redeemOnce(voucher)
  // Money and books moved, whatever is on the screen by now: the history keeps every answer.
  noteOutcome(answer)
  if (mine === turn) state.value = answer
}

/** Clears the counter for the next customer. */
export function nextCustomer(): void {
  turn += 1
  state.value = { kind: 'ready' }
}

onLogOut(nextCustomer)

/** Asks again about the voucher that could not be looked up or whose redemption stayed unanswered. */
export async function retry(): Promise<void> {
  if (state.value.kind === 'failed') await lookUp(state.value.code)
}

function show(answer: TillState): void {
  state.value = answer
  if (answer.kind !== 'found') noteOutcome(answer)
}

async function ask(code: VoucherCode, signature: string | undefined): Promise<TillState> {
  try {
    const verdict = signature ? await verdictOf(code, signature) : 'unchecked'
    if (verdict === 'forged') return { kind: 'forged', code }
    return stateOf(await getVoucher(code), verdict, clockMs())
  } catch (error) {
    const problem = problemOf(error)
    if (problem.status === 404) return { kind: 'unknown', code }
    return { kind: 'failed', code, problem, mayBeRedeemed: unanswered.has(code) }
  }
}

function withHint(answer: TillState, hint: string | undefined): TillState {
  return answer.kind === 'found' && hint !== undefined ? { ...answer, hint } : answer
}

const clockMs = () => performance.now()
/** A scanner that ends its text twice presses Enter again before anybody has seen the voucher. */
const echoMs = 700

/** Redeems by a key, unless it is the echo of the scan. */
export async function redeemByKey(): Promise<void> {
  if (state.value.kind === 'found' && clockMs() - state.value.sinceMs < echoMs) return
  await redeem()
}

function stateOf(voucher: Voucher, verdict: SignatureVerdict, sinceMs: number): TillState {
  switch (voucher.status) {
    case 'valid':
      return { kind: 'found', voucher, verdict, sinceMs }
    case 'redeemed':
      return { kind: 'already', voucher, isOwnAttempt: unanswered.has(voucher.code) }
    case 'revoked':
      return { kind: 'revoked', voucher }
    default:
      return voucher.status satisfies never
  }
}

async function redeemOnce(voucher: Voucher): Promise<TillState> {
  const { code } = voucher
  try {
    const redeemed = await redeemVoucher(code)
    unanswered.delete(code)
    return { kind: 'redeemed', voucher: redeemed }
  } catch (error) {
    const problem = problemOf(error)
    if (problem.status === 404) return { kind: 'unknown', code }
    if (problem.status === 410) return { kind: 'revoked', voucher: { ...voucher, status: 'revoked' } }
    if (problem.kind === 'already-redeemed') {
      const at = problem.fields.redeemedAt
      const redeemedAt = typeof at === 'string' ? at : null
      return {
        kind: 'already',
        voucher: { ...voucher, status: 'redeemed', redeemedAt },
        isOwnAttempt: unanswered.has(code),
      }
    }
    const mayBeRedeemed = problem.status === 0 || problem.status >= 500
    if (mayBeRedeemed) unanswered.add(code)
    return { kind: 'failed', code, problem, mayBeRedeemed }
  }
}

function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error
  throw error
}
