import { behaviour, expect, receive, refusal, texts, topicAndSubscription } from './targets.ts';

const MESSAGES = {
  plain: {},
  com: { domain: 'com' },
  org: { domain: 'org', lang: 'en' },
  companyEn: { domain: 'company', lang: 'en-GB' },
};
const CASES: [string, string[]][] = [
  ['attributes:domain', ['com', 'org', 'companyEn']],
  ['NOT attributes:domain', ['plain']],
  ['-attributes:lang', ['plain', 'com']],
  ['attributes.domain = "com"', ['com']],
  ['attributes.domain != "com"', ['plain', 'org', 'companyEn']],
  ['hasPrefix(attributes.domain, "co")', ['com', 'companyEn']],
  ['attributes:domain AND NOT attributes.domain = "com"', ['org', 'companyEn']],
  ['hasPrefix(attributes.lang, "en") AND (attributes.domain = "org" OR attributes.domain = "com")', ['org']],
  ['attributes."domain" = "org"', ['org']],
];

behaviour('filters', ({ feature }) => {
  for (const [filter, expected] of CASES) {
    feature(
      `${filter} lets the right messages through`,
      async (target) => {
        const { topic, subscription } = await topicAndSubscription(target, { filter });
        for (const [name, attributes] of Object.entries(MESSAGES)) {
          await topic.publishMessage({ data: Buffer.from(name), attributes });
        }
        const seen = texts(await receive(subscription, (m) => m.length === expected.length + 1, { ms: 1200 }));
        expect(seen.sort()).toEqual([...expected].sort());
      },
      'filters are not applied in all versions',
    );
  }

  feature(
    'a filter that does not parse is refused, and a filter cannot be changed',
    async (target) => {
      const { topic, subscription } = await topicAndSubscription(target, { filter: 'attributes:a' });
      for (const filter of [
        'attributes.a',
        'data = "x"',
        'attributes.a > "x"',
        'attributes:a AND attributes:b OR attributes:c',
        '(attributes:a',
        `attributes.a = "${'x'.repeat(300)}"`,
      ]) {
        expect([filter, (await refusal(topic.createSubscription(target.name('bad'), { filter }))).code]).toEqual([filter, 3]);
      }
      const change = target.subscriber.updateSubscription({
        subscription: { name: subscription.name, filter: 'attributes:b' },
        updateMask: { paths: ['filter'] },
      });
      expect((await refusal(change)).code).toBe(3);
    },
    'filters are not checked in all versions',
  );
});
