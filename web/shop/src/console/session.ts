import { computed, readonly, ref } from 'vue'
import type { ReplyOf, Role } from '#kernel/contract'
import type { getSession } from '#services/orders'
import { type CallOptions, callForReply, type Reply } from '../api/client.ts'
import { ApiProblem } from '../api/problem.ts'
import { queryClient } from '../api/query-client.ts'

type Session = ReplyOf<typeof getSession>

/** Who works here: nobody asked yet, nobody is logged in, somebody is, or the shop could not be asked. */
export type SessionState =
  | { kind: 'unknown' }
  | { kind: 'out'; reason: 'never' | 'left' | 'expired' }
  | { kind: 'in'; session: Session }
  | { kind: 'unreachable'; problem: ApiProblem }

const state = ref<SessionState>({ kind: 'unknown' })
const listeners = new Set<() => void>()

export const sessionState = readonly(state)
export const session = computed(() => (state.value.kind === 'in' ? state.value.session : undefined))

/** Whether who is logged in has one of these roles. */
export const hasRole = (...roles: readonly Role[]): boolean =>
  roles.some((role) => session.value?.roles.includes(role))

/** Runs `listener` when nobody is logged in any more: whatever was kept about customers has to go. */
export function onLogOut(listener: () => void): void {
  listeners.add(listener)
}

/** Asks who is logged in, once; again after a failure. Never throws: the answer is the state. */
export async function loadSession(): Promise<SessionState> {
  if (state.value.kind === 'in' || state.value.kind === 'out') return state.value
  try {
    const { data } = await callForReply<Session>('GET', '/api/session')
    state.value = { kind: 'in', session: data }
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error
    state.value =
      error.status === 401 ? { kind: 'out', reason: 'never' } : { kind: 'unreachable', problem: error }
  }
  return state.value
}

/**
 * Logs in with a cookie.
 * @param code where the account asks for one
 * @throws ApiProblem 401 for a wrong email or password, and where a code is missing or wrong; 429 after too many attempts
 */
export async function logIn(email: string, password: string, code?: string): Promise<void> {
  // An API client's Accept header would be answered with a token instead.
  await callForReply('POST', '/api/session', { body: { email, password, code }, headers: { accept: '*/*' } })
  state.value = { kind: 'unknown' }
  const after = await loadSession()
  if (after.kind === 'unreachable') throw after.problem
  if (after.kind === 'out')
    throw new ApiProblem(401, 'no-cookie', 'The browser did not keep the session cookie.')
}

/** Who is logged in has taken a second factor just now, and may do more with it. */
export async function noteSecondFactor(): Promise<void> {
  const { data } = await callForReply<Session>('GET', '/api/session')
  state.value = { kind: 'in', session: data }
}

/** @throws ApiProblem when the shop cannot be reached: the session is still open then */
export async function logOut(): Promise<void> {
  await callForReply('DELETE', '/api/session')
  end('left')
}

/** Ends every session of who is logged in, this one too. @throws ApiProblem when the shop cannot be reached */
export async function endAllSessions(): Promise<void> {
  await callForReply('DELETE', '/api/sessions')
  end('left')
}

/** Calls the API as staff and returns the body. A session that has ended leads back to the log-in page. */
export async function staffCall<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  return (await staffCallForReply<T>(method, path, options)).data
}

/** Like {@link staffCall}, with status and headers. */
export async function staffCallForReply<T>(
  method: string,
  path: string,
  options: CallOptions = {},
): Promise<Reply<T>> {
  try {
    return await callForReply<T>(method, path, options)
  } catch (error) {
    noteRefusal(error)
    throw error
  }
}

/** Ends the session here when `error` says that it has ended there. */
export function noteRefusal(error: unknown): void {
  if (error instanceof ApiProblem && error.status === 401) end('expired')
}

function end(reason: 'left' | 'expired'): void {
  if (state.value.kind === 'out') return
  state.value = { kind: 'out', reason }
  queryClient.removeQueries({ queryKey: ['console'] })
  for (const listener of listeners) listener()
}
