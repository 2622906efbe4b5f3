// Draws the API reference. A file of its own, because the page allows no inline script.
const isDark = window.matchMedia('(prefers-color-scheme: dark)')
const followTheme = () => document.documentElement.classList.toggle('dark-mode', isDark.matches)
isDark.addEventListener('change', followTheme)
followTheme()

window.addEventListener('DOMContentLoaded', () => {
  window.SwaggerUIBundle({
    url: '/openapi.json',
    dom_id: '#reference',
    deepLinking: true,
    displayRequestDuration: true,
    tryItOutEnabled: true,
    persistAuthorization: true,
    withCredentials: true,
    filter: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    syntaxHighlight: { theme: isDark.matches ? 'nord' : 'idea' },
    validatorUrl: null,
    requestInterceptor: (request) => {
      // Each press of "Execute" is a new order; the field still shows how a repeat would be sent.
      if (request.method === 'POST' && request.headers['idempotency-key'] === 'order-7f3a9c1e')
        request.headers['idempotency-key'] = crypto.randomUUID()
      return request
    },
  })
})
