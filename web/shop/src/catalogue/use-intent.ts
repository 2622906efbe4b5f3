/** A pointer that rests here, or the keyboard's focus: a reader who means to open it, and not one who passes by. */
const restMs = 80

/** Listeners that call `act` when somebody is about to open the element. */
export function useIntent(act: () => void) {
  let timer: ReturnType<typeof setTimeout> | undefined
  return {
    pointerenter({ pointerType }: Pick<PointerEvent, 'pointerType'>) {
      clearTimeout(timer)
      // A finger has no time to rest.
      if (pointerType === 'touch') return act()
      timer = setTimeout(act, restMs)
    },
    pointerleave() {
      clearTimeout(timer)
    },
    focus: act,
  }
}
