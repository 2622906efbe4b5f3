import { onBeforeUnmount, ref } from 'vue'
import { useRouter } from 'vue-router'
import { chosenFile } from './chosen-file.ts'
import { type ImportOptions, uploadCatalogue } from './upload.ts'

/** Sends a file and goes to the page of its import; leaving the page ends it. */
export function useUpload() {
  const router = useRouter()
  /** How much has gone, 0 to 1; undefined while nothing is sent. */
  const sent = ref<number>()
  const failure = ref<unknown>()
  let leaving = new AbortController()
  onBeforeUnmount(() => leaving.abort())

  async function send(file: File, options: ImportOptions): Promise<void> {
    if (sent.value !== undefined) return
    leaving = new AbortController()
    failure.value = undefined
    sent.value = 0
    try {
      const started = await uploadCatalogue(file, options, (part) => (sent.value = part), leaving.signal)
      chosenFile.value = { importId: started.id, file, options }
      await router.push({ name: 'console-import', params: { id: started.id } })
    } catch (error) {
      if (!leaving.signal.aborted) failure.value = error
    } finally {
      sent.value = undefined
    }
  }
  return { sent, failure, send, stop: () => leaving.abort() }
}
