import { existsSync, writeFileSync } from 'node:fs';

/** Dies as kill -9 does when the named point of a step type is reached; once, which the mark shows. */
export function crashPoints(at: string | undefined, mark: string | undefined): (stepType: string, point: string) => void {
  if (at === undefined || mark === undefined) return () => undefined;
  return (stepType, point) => {
    if (`${stepType}:${point}` !== at || existsSync(mark)) return;
    writeFileSync(mark, `${stepType}:${point}\n`);
    process.kill(process.pid, 'SIGKILL');
  };
}
