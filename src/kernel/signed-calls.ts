import { createHmac, hash, hkdfSync, timingSafeEqual } from 'node:crypto'
import { secretLines, signingSecret } from './shared-secret.ts'

/** Carries the proof that a request comes from another Octavo process. The gateway takes it off what comes from outside. */
export const callHeader = 'x-octavo-call'

/** Signs what one Octavo process sends to another. */
export type CallSigner = {
  /** Proof for this one call: its method, its path with the query, and its body. */
  call(method: string, path: string, body: string | Uint8Array | null): string
  /** Proof that whoever sends it may pass readers' requests on to this role; good for none of the calls between services. */
  pass(role: string): string
}

export type SignedCall = { kind: 'pass' } | { kind: 'call'; bodyDigest: string }

export type CallChecker = {
  /** What a proof is good for at this method and path, or undefined when it is none. */
  check(proof: string | string[] | undefined, method: string, path: string): SignedCall | undefined
}

/** A proof is taken for so long, on clocks that differ by no more. */
const lifeSeconds = 60
/** A gateway makes a new pass this often. */
const renewSeconds = 5
/** Passes that were found good, one of each gateway and its last few. */
const passesMax = 256

/**
 * Proofs are short-lived and keyed by the secret that all processes share (HMAC-SHA256, RFC 2104; key by HKDF, RFC 5869).
 * A call's is bound to its method, path and body, so that whoever reads it on its way can repeat that call and make no
 * other. A reader's request carries proofs of its own; the gateway's pass on it is for the role that it goes to, and costs
 * no signature.
 */
export function callSigner(secret: string, nowSeconds: () => number): CallSigner {
  const key = keyOf(signingSecret(secret))
  const made = new Map<string, { seconds: number; proof: string }>()
  return {
    call(method, path, body) {
      const head = `call.${nowSeconds()}.${body === null ? '' : digestOf(body)}`
      return `${head}.${sealOf(key, head, method, path)}`
    },
    pass(role) {
      const seconds = nowSeconds()
      const last = made.get(role)
      if (last !== undefined && Math.abs(seconds - last.seconds) < renewSeconds) return last.proof
      const head = `pass.${seconds}.`
      const proof = `${head}.${sealOf(key, head, role, '')}`
      made.set(role, { seconds, proof })
      return proof
    },
  }
}

export type CheckerOptions = {
  /** Whose door it is: a pass for another one is none. */
  role: string
  nowSeconds: () => number
  /** Told how old a proof is that is good but for its age. */
  onAged: (seconds: number) => void
}

/**
 * Tells proofs that `callSigner` makes with the same secret from everything else.
 */
export function callChecker(secret: string, { role, nowSeconds, onAged }: CheckerOptions): CallChecker {
  const keys = secretLines(secret).map(keyOf)
  const goodPasses = new Map<string, number>()
  const isFresh = (seconds: number) => Math.abs(nowSeconds() - seconds) <= lifeSeconds
  return {
    check(proof, method, path) {
      if (typeof proof !== 'string') return undefined
      const known = goodPasses.get(proof)
      if (known !== undefined && isFresh(known)) return { kind: 'pass' }
      const [kind, at, bodyDigest = '', seal, ...rest] = proof.split('.')
      if ((kind !== 'call' && kind !== 'pass') || seal === undefined || rest.length > 0) return undefined
      const isCall = kind === 'call'
      const head = `${kind}.${at}.${bodyDigest}`
      const [ofMethod, ofPath] = isCall ? [method, path] : [role, '']
      if (!keys.some((key) => isSame(seal, sealOf(key, head, ofMethod, ofPath)))) return undefined
      if (!isFresh(Number(at))) {
        onAged(nowSeconds() - Number(at))
        return undefined
      }
      if (isCall) return { kind, bodyDigest }
      if (goodPasses.size >= passesMax) goodPasses.clear()
      goodPasses.set(proof, Number(at))
      return { kind }
    },
  }
}

/** Of a body, as a call's proof has it. */
export const digestOf = (body: string | Uint8Array): string => hash('sha256', body, 'base64url')

/** What Prometheus shows the roles behind the gateway where no token was set for it. */
export const innerMetricsToken = (secret: string): string =>
  derived(signingSecret(secret), 'metrics').toString('base64url')

const keyOf = (secret: string) => derived(secret, 'calls')

const derived = (secret: string, purpose: string) =>
  Buffer.from(hkdfSync('sha256', secret, '', `octavo ${purpose}`, 32))

const sealOf = (key: Buffer, head: string, method: string, path: string) =>
  createHmac('sha256', key).update(`${head} ${method} ${path}`).digest('base64url')

/** In a time that does not tell how much of them is. */
export function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
