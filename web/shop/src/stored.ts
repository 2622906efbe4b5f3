import { type ShallowRef, shallowReadonly, shallowRef } from 'vue'

/** What the browser would not keep: it lasts as long as the page. */
const unkept = new Map<string, string>()

/** localStorage that never throws: a browser that forbids it only forgets sooner. */
export function readStored(key: string): string | null {
  try {
    return unkept.get(key) ?? localStorage.getItem(key)
  } catch {
    return null
  }
}

export function writeStored(key: string, value: string | null): void {
  unkept.delete(key)
  try {
    if (value === null) localStorage.removeItem(key)
    else localStorage.setItem(key, value)
  } catch {
    if (value !== null) unkept.set(key, value)
  }
}

/** A value kept in this browser and shared by its tabs. */
export type Stored<T> = {
  value: Readonly<ShallowRef<T>>
  /** What is stored now. Every change starts from it, for a tab that slept has not heard of the changes of others. */
  read(): T
  write(next: T): void
}

/** @param parse gives a value for whatever is stored, also for nothing */
export function openStored<T>(key: string, parse: (text: string | null) => T): Stored<T> {
  const value = shallowRef(parse(readStored(key)))
  const read = () => {
    value.value = parse(readStored(key))
    return value.value
  }
  addEventListener('storage', (event) => {
    if (event.key === key || event.key === null) read()
  })
  addEventListener('pageshow', (event) => {
    if (event.persisted) read()
  })
  return {
    value: shallowReadonly(value),
    read,
    write(next) {
      value.value = next
      writeStored(key, JSON.stringify(next))
    },
  }
}
