import { computed, ref } from 'vue'

/** `public/theme-before-paint.js` reads the same key before the first paint, and so may the website. */
const storageKey = 'octavo-theme'

export type ThemeChoice = 'light' | 'dark' | 'system'

const systemIsDark = matchMedia('(prefers-color-scheme: dark)')
const choice = ref<ThemeChoice>(readChoice())
const system = ref(systemIsDark.matches)
const isDark = computed(() => (choice.value === 'system' ? system.value : choice.value === 'dark'))

systemIsDark.addEventListener('change', (event) => {
  system.value = event.matches
  paint()
})

/** What the reader chose, what is shown, and the way to change it. */
export function useTheme() {
  return { choice, isDark, choose }
}

function choose(next: ThemeChoice): void {
  choice.value = next
  try {
    if (next === 'system') localStorage.removeItem(storageKey)
    else localStorage.setItem(storageKey, next)
  } catch {
    // Without storage the choice lasts until the page is closed.
  }
  paint()
}

function paint(): void {
  document.documentElement.classList.toggle('dark', isDark.value)
  document.documentElement.classList.toggle('light', !isDark.value)
}

function readChoice(): ThemeChoice {
  try {
    const stored = localStorage.getItem(storageKey)
    return stored === 'light' || stored === 'dark' ? stored : 'system'
  } catch {
    return 'system'
  }
}
