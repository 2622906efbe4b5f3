import { spawn } from 'node:child_process'

/**
 * Runs a program in a process of its own whose Node has these options, which a running one cannot be given. It shares the
 * terminal, gets every signal, and ends when this process does.
 * @returns its exit code, 143 when a signal ended it
 */
export async function runWithNodeOptions(
  nodeOptions: readonly string[],
  command: readonly string[],
): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, ...nodeOptions, ...command], {
    // The channel is for the child to notice when this process is killed.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  const passed = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const pass = (signal: NodeJS.Signals) => child.kill(signal)
  for (const signal of passed) process.on(signal, pass)
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => resolve(code ?? 143))
    })
  } finally {
    for (const signal of passed) process.off(signal, pass)
  }
}
