import { readonly, ref } from 'vue'
import { onLogOut, session } from '../session.ts'
import type { TillState } from './till-state.ts'

const entriesMax = 100
const storageKey = 'octavo-till-history'

export type HistoryEntry = {
  at: string
  outcome: 'redeemed' | 'already' | 'revoked' | 'unknown' | 'forged' | 'failed'
  code: string
  title?: string
  customer?: string
}

const entries = ref<HistoryEntry[]>(load())

/** What this till has answered since log-in, the latest first. It survives a reload and ends with the session. */
export const history = readonly(entries)

/** Keeps an answer, unless it repeats the one before or comes after log-out. */
export function noteOutcome(state: TillState): void {
  if (!session.value) return
  const entry = entryOf(state)
  const last = entries.value[0]
  if (!entry || (last?.code === entry.code && last.outcome === entry.outcome)) return
  entries.value = [entry, ...entries.value].slice(0, entriesMax)
  save()
}

onLogOut(() => {
  entries.value = []
  save()
})

function entryOf(state: TillState): HistoryEntry | undefined {
  const at = new Date().toISOString()
  switch (state.kind) {
    case 'redeemed':
    case 'already':
    case 'revoked': {
      const { code, title, customer } = state.voucher
      return { at, outcome: state.kind, code, title, customer: customer.name }
    }
    case 'unknown':
    case 'forged':
    case 'failed':
      return { at, outcome: state.kind, code: state.code }
    case 'ready':
    case 'mistyped':
    case 'looking':
    case 'found':
    case 'redeeming':
      return undefined
    default:
      return state satisfies never
  }
}

function load(): HistoryEntry[] {
  try {
    const stored: unknown = JSON.parse(sessionStorage.getItem(storageKey) ?? '[]')
    return Array.isArray(stored) ? stored : []
  } catch {
    return []
  }
}

function save(): void {
  try {
    sessionStorage.setItem(storageKey, JSON.stringify(entries.value))
  } catch {
    // Without storage the history lasts until the page is closed.
  }
}
