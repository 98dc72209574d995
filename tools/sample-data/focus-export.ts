import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { daysOf, money } from './billing-export.ts';

/** A FOCUS export as a cloud delivers it into a bucket: CSV parts and the manifest that lists those that count. */
export async function writeFocusExport(folder: string, month: string): Promise<void> {
  const dir = join(folder, 'focus-export', `billing_period=${month}`);
  await mkdir(dir, { recursive: true });
  const header = 'billed_cost,billing_currency,charge_category,charge_period_start,charge_period_end,service_name,sub_account_id';
  const services = ['AmazonEC2', 'AmazonS3', 'AmazonRDS', 'AWSLambda'];
  const parts: string[][] = [[header], [header]];
  for (const [d, day] of daysOf(month).entries())
    for (const [s, service] of services.entries())
      for (let account = 0; account < 5; account++) {
        const cost = money(BigInt((d + 1) * (s + 1) * (account + 3)) * 12_345_678n - (s === 3 && d === 4 ? 9_876_543_210n : 0n));
        parts[d % 2]?.push(
          `${cost},USD,${cost.startsWith('-') ? 'Credit' : 'Usage'},${day}T00:00:00Z,${day}T23:59:59Z,${service},11112222333${account}`,
        );
      }
  const files = ['part-0001.csv', 'part-0002.csv'];
  for (const [i, name] of files.entries()) await writeFile(join(dir, name), `${parts[i]?.join('\n')}\n`);
  // An earlier delivery left this behind: it must not count.
  await writeFile(join(dir, 'part-0003.csv'), `${header}\n999999,USD,Usage,${month}-01T00:00:00Z,${month}-01T23:59:59Z,AmazonEC2,1\n`);
  await writeFile(
    join(dir, 'manifest.json'),
    `${JSON.stringify({ dataFiles: files.map((name) => `s3://acme-exports/focus-export/billing_period=${month}/${name}`) }, null, 2)}\n`,
  );
}
