import { onScopeDispose, readonly, ref } from 'vue'

/** The time in milliseconds, renewed each second while the component lives. */
export function useNow() {
  const now = ref(Date.now())
  const timer = setInterval(() => {
    now.value = Date.now()
  }, 1000)
  onScopeDispose(() => clearInterval(timer))
  return readonly(now)
}
