import { ref } from 'vue'

/** What somebody has done by a button: one at a time, and why the last one failed until the next begins. */
export function useAction() {
  const busy = ref(false)
  const failure = ref<unknown>()

  /** @returns whether it was done; nothing is begun while another one is under way */
  async function run(work: () => Promise<void>): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    failure.value = undefined
    try {
      await work()
      return true
    } catch (error) {
      failure.value = error
      return false
    } finally {
      busy.value = false
    }
  }

  return { busy, failure, run }
}
