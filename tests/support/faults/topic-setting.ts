// tests/support/faults/topic-setting.ts: changes one setting of a topic, as a person with a tool would; its others stay.

import type { LogClient } from '../../../shared/log/connect/client.ts';

const TOPIC_RESOURCE = 2; // ConfigResource.Type.TOPIC

export const setTopic = (client: LogClient, name: string, { setting, value }: { setting: string; value: string }): Promise<void> =>
  client.withAdmin(async (admin) => {
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: TOPIC_RESOURCE, name }] });
    // The call replaces all that the topic has of its own.
    const own = resources[0]!.configEntries.filter((entry) => !entry.isDefault && entry.configName !== setting);
    const configEntries = [
      ...own.map(({ configName, configValue }) => ({ name: configName, value: configValue })),
      { name: setting, value },
    ];
    await admin.alterConfigs({ validateOnly: false, resources: [{ type: TOPIC_RESOURCE, name, configEntries }] });
  });
