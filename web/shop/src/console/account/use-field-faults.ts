import { computed } from 'vue'
import { ApiProblem } from '../../api/problem.ts'
import { problemText } from '../../text/problem.ts'
import { useAction } from '../../use-action.ts'

/** An action with what is wrong with some fields of its form, or else with all of it. */
export function useFieldFaults<Field extends string>(...fields: Field[]) {
  const { busy, failure, run } = useAction()
  const faults = computed((): Partial<Record<Field, string>> => {
    const errors = failure.value instanceof ApiProblem ? failure.value.fieldErrors : {}
    return Object.fromEntries(fields.map((field) => [field, errors[field]])) as Partial<Record<Field, string>>
  })
  const message = computed(() => {
    const isOfField = fields.some((field) => faults.value[field])
    return failure.value === undefined || isOfField ? '' : problemText(failure.value).detail
  })
  return { busy, faults, message, run }
}
