import { onScopeDispose, readonly, ref, watch } from 'vue'

/** `live` while the stream is open, `polling` while it is not and we ask instead. */
export type LiveState = 'connecting' | 'live' | 'polling'

export type LiveOptions<T> = {
  /** Where the stream is; undefined means not now. */
  url: () => string | undefined
  /** The name of its events; their data is JSON. */
  event: string
  onMessage: (message: T) => void
  /** Asks once, while there is no stream. */
  poll: () => Promise<unknown>
  pollEveryMs?: number
  /** Close the stream while the tab is hidden: over HTTP/1.1 a browser opens six connections in all. */
  pauseWhenHidden?: boolean
}

const reopenFirstMs = 2000
const reopenMaxMs = 30_000

/** Follows a stream of server-sent events and falls back to asking now and then while it is away. */
export function useLive<T>(options: LiveOptions<T>) {
  const state = ref<LiveState>('connecting')
  let source: EventSource | undefined
  let pollTimer: ReturnType<typeof setInterval> | undefined
  let reopenTimer: ReturnType<typeof setTimeout> | undefined
  let reopenMs = reopenFirstMs

  function open(): void {
    close()
    const url = options.url()
    if (!url || (options.pauseWhenHidden && document.hidden)) return
    source = new EventSource(url)
    source.addEventListener(options.event, (event) => {
      state.value = 'live'
      reopenMs = reopenFirstMs
      stopPolling()
      options.onMessage(JSON.parse((event as MessageEvent<string>).data) as T)
    })
    source.addEventListener('error', () => {
      startPolling()
      // The browser reconnects by itself after a break, but not after an answer such as 503.
      if (source?.readyState === EventSource.CLOSED) reopenLater()
    })
  }

  function reopenLater(): void {
    clearTimeout(reopenTimer)
    reopenTimer = setTimeout(open, reopenMs)
    reopenMs = Math.min(reopenMs * 2, reopenMaxMs)
  }

  function startPolling(): void {
    if (pollTimer) return
    state.value = 'polling'
    const ask = () => options.poll().catch(() => undefined)
    pollTimer = setInterval(ask, options.pollEveryMs ?? 5000)
    void ask()
  }

  function stopPolling(): void {
    clearInterval(pollTimer)
    pollTimer = undefined
  }

  function close(): void {
    source?.close()
    source = undefined
    clearTimeout(reopenTimer)
    stopPolling()
  }

  const onVisibility = () => (document.hidden ? close() : open())
  if (options.pauseWhenHidden) document.addEventListener('visibilitychange', onVisibility)
  watch(options.url, open, { immediate: true })
  onScopeDispose(() => {
    document.removeEventListener('visibilitychange', onVisibility)
    close()
  })
  return readonly(state)
}
