// Runs in the page that is tested, before its own scripts; the tests call it by `page.evaluate`.
const placesMax = 4

globalThis.look = {
  /**
   * What axe finds serious or critical in that theme, one line for each place. Changing the theme as the system would
   * takes as long as the browser likes, so it is changed as the page's own switch does.
   */
  async barriers(theme, options) {
    const still = new CSSStyleSheet()
    still.replaceSync('*, ::before, ::after { transition: none !important; animation: none !important }')
    document.adoptedStyleSheets = [still]
    document.documentElement.classList.remove('light', 'dark')
    document.documentElement.classList.add(theme)
    const { violations } = await globalThis.axe.run(document, { ...options, resultTypes: ['violations'] })
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) =>
        nodes
          .slice(0, placesMax)
          .map(({ target, failureSummary }) => `${id} at ${target.join(' ')}: ${failureSummary}`),
      )
  },

  /** Whether everything shown is loaded and nothing waits for the shop. */
  isQuiet: () => document.querySelector('[aria-busy=true]') === null,

  /** By how many pixels the page can be scrolled sideways. */
  beyondPx: () => document.documentElement.scrollWidth - innerWidth,

  /** The element in focus: its name, whether it is in view, and whether it shows that it is in focus. */
  focused() {
    const element = document.activeElement
    if (element === null || element === document.body) return { name: '', isSeen: true, isMarked: true }
    const label = element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent
    const { top, bottom, left, right, width } = element.getBoundingClientRect()
    const isMarkedBy = ({ outlineStyle, outlineWidth, boxShadow }) =>
      (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none'
    const styles = [
      getComputedStyle(element),
      getComputedStyle(element, '::after'),
      getComputedStyle(element.parentElement),
    ]
    return {
      name: (label ?? element.textContent).trim(),
      isSeen: width > 0 && bottom > 0 && right > 0 && top < innerHeight && left < innerWidth,
      isMarked: styles.some(isMarkedBy),
    }
  },
}
