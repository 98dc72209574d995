const NOTE = '<!-- Made by `npm run docs` from the declarations in code; change those. -->';

export const page = (...lines: string[]): string => `${[NOTE, '', ...lines].join('\n').trimEnd()}\n`;
export const cell = (content: string): string => content.replaceAll('|', '\\|').replaceAll('\n', ' ');
