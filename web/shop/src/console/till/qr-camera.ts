/** What `BarcodeDetector` is where a browser has it. Source: WICG Shape Detection API. */
type Detector = { detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]> }
type DetectorClass = {
  new (options: { formats: string[] }): Detector
  getSupportedFormats(): Promise<string[]>
}

const looksPerSecond = 8
const frameWidthMax = 720

export type CameraProblem = { title: string; detail: string }

/**
 * Opens the camera into `video` and calls `onText` with every QR code it sees, until `signal` aborts.
 * @throws DOMException when the camera may not or cannot be used; see {@link cameraProblem}
 */
export async function watchForCodes(
  video: HTMLVideoElement,
  onText: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  if (!navigator.mediaDevices?.getUserMedia) throw new DOMException('No secure context', 'SecurityError')
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: false,
    video: { facingMode: { ideal: 'environment' }, width: { ideal: 1280 } },
  })
  const stop = () => {
    for (const track of stream.getTracks()) track.stop()
    video.srcObject = null
  }
  if (signal.aborted) return stop()
  signal.addEventListener('abort', stop, { once: true })
  video.srcObject = stream
  await video.play()
  const look = await makeReader()
  while (!signal.aborted) {
    const text = video.readyState >= video.HAVE_CURRENT_DATA ? await look(video) : undefined
    if (text && !signal.aborted) onText(text)
    await pause(1000 / looksPerSecond)
  }
}

/** What went wrong with the camera, and what a bookseller can do about it. */
export function cameraProblem(error: unknown): CameraProblem {
  const name = error instanceof DOMException ? error.name : ''
  switch (name) {
    case 'NotAllowedError':
      return {
        title: 'The camera is blocked',
        detail:
          'Allow the camera for this page in the address bar, then scan again. Typing the code always works.',
      }
    case 'NotFoundError':
    case 'OverconstrainedError':
      return { title: 'No camera found', detail: 'Connect one, or type the code.' }
    case 'NotReadableError':
    case 'AbortError':
      return {
        title: 'The camera is busy',
        detail: 'Another program or tab uses it. Close that one and scan again.',
      }
    case 'SecurityError':
      return {
        title: 'The camera needs a secure page',
        detail:
          'Open the console over https, or on the machine the shop runs on. Typing the code always works.',
      }
    default:
      return { title: 'The camera does not start', detail: 'Type the code instead.' }
  }
}

async function makeReader(): Promise<(video: HTMLVideoElement) => Promise<string | undefined>> {
  const detector = await nativeDetector()
  if (detector) {
    return async (video) => {
      try {
        return (await detector.detect(video))[0]?.rawValue
      } catch {
        // A frame that is not there yet; the next one will be.
        return undefined
      }
    }
  }
  const { default: jsQr } = await import('jsqr')
  const canvas = document.createElement('canvas')
  const context = canvas.getContext('2d', { willReadFrequently: true })
  return async (video) => {
    if (!context || video.videoWidth === 0) return undefined
    const scale = Math.min(1, frameWidthMax / video.videoWidth)
    canvas.width = Math.round(video.videoWidth * scale)
    canvas.height = Math.round(video.videoHeight * scale)
    context.drawImage(video, 0, 0, canvas.width, canvas.height)
    const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height)
    return jsQr(data, width, height, { inversionAttempts: 'dontInvert' })?.data || undefined
  }
}

async function nativeDetector(): Promise<Detector | undefined> {
  const found = (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector
  try {
    if (!found || !(await found.getSupportedFormats()).includes('qr_code')) return undefined
    return new found({ formats: ['qr_code'] })
  } catch {
    return undefined
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
