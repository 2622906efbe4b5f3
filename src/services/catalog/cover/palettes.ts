/** The colours of one cover. Text in `ink` reads on `ground`, text in `press` on `paper`. */
export type Palette = {
  ground: string
  ink: string
  accent: string
  second: string
  paper: string
  press: string
}

const palette = (
  ground: string,
  ink: string,
  accent: string,
  second: string,
  paper: string,
  press: string,
): Palette => ({ ground, ink, accent, second, paper, press })

export const palettes: readonly Palette[] = [
  palette('#14354a', '#f3ead7', '#e0a458', '#3f7a84', '#f3ead7', '#14354a'),
  palette('#6b1d2a', '#f6e9d8', '#e2b25b', '#9c3b44', '#f6e9d8', '#4a1019'),
  palette('#1f3d2f', '#f0ead6', '#d9a441', '#4f7d57', '#f0ead6', '#1f3d2f'),
  palette('#d9a021', '#2a2118', '#8a2f1c', '#eec567', '#fbf3dc', '#2a2118'),
  palette('#b9472a', '#fdf1e0', '#f4c483', '#8c3019', '#fdf1e0', '#5c1f10'),
  palette('#3d2645', '#f2e6ee', '#d98cae', '#6d4a82', '#f6edf2', '#3d2645'),
  palette('#2d3440', '#eef0f2', '#e76f51', '#56626f', '#f4f1ea', '#2d3440'),
  palette('#bcd0d6', '#1c2f3a', '#b5452c', '#94b3bd', '#f6f8f5', '#1c2f3a'),
  palette('#e8c4b8', '#3c1f24', '#8c2f39', '#d6a393', '#fdf5f0', '#3c1f24'),
  palette('#a9b899', '#1f2a1c', '#7a3b1e', '#8ba07a', '#f6f5ea', '#26331f'),
  palette('#f2e8d3', '#22304a', '#b23a2e', '#dcc89d', '#fffaf0', '#22304a'),
  palette('#17181c', '#f1ede4', '#d64933', '#3c4049', '#f1ede4', '#17181c'),
  palette('#0f5257', '#f4f1de', '#f2a65a', '#2f7d80', '#f4f1de', '#0b3d41'),
  palette('#22408f', '#f7f4ea', '#f4c430', '#4a69bd', '#f7f4ea', '#182d66'),
  palette('#8e2a4f', '#fbeef0', '#f0b67f', '#b4527a', '#fbeef0', '#5b1731'),
  palette('#dcc9a3', '#3b2a1a', '#2f5d62', '#c6ab78', '#fbf6e9', '#3b2a1a'),
]

/** The cloths of limited editions, all dark enough for gilt. */
export const cloths: readonly string[] = ['#1b2238', '#4a1420', '#16332a', '#2b1b33', '#20262b', '#3a2413']
