// Follows the theme chosen in the shop; runs before the first paint. Without a choice the system decides.
try {
  const choice = localStorage.getItem('octavo-theme')
  if (choice === 'dark' || choice === 'light') document.documentElement.classList.add(choice)
} catch {
  // Storage is switched off: the system's theme is right.
}
