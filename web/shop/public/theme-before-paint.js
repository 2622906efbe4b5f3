// Runs before the first paint, so that a dark page never flashes white. See src/theme-choice.ts for the other half.
;(() => {
  let choice = null
  try {
    choice = localStorage.getItem('octavo-theme')
  } catch {
    // Storage can be forbidden; the system's choice is used then.
  }
  const dark = choice === 'dark' || (choice !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.classList.add(dark ? 'dark' : 'light')
})()
