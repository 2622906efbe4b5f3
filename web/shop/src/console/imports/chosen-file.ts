import { shallowRef } from 'vue'
import type { ImportOptions } from './upload.ts'

/** The file of an import that was started here, so that a preview can be followed by the import; gone with the tab. */
export const chosenFile = shallowRef<{ importId: string; file: File; options: ImportOptions }>()
