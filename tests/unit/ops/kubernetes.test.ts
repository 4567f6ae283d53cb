// ops/kubernetes against what it runs: the image, the roles' ports, variables and metrics. Whether the manifests are well-formed is
// for ops/kubernetes/validate; whether a cluster takes them, for a cluster.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { API_CONFIG } from '../../../api/config.ts';
import { PROCESSOR_CONFIG } from '../../../processor/config.ts';
import { PROJECTOR_CONFIG } from '../../../projector/config.ts';
import { parseConfig } from '../../../shared/runtime/config.ts';

interface Variable {
  name: string;
  valueFrom?: { secretKeyRef: { name: string; key: string } };
}
interface Probe {
  httpGet: { path: string; port: string };
}
interface Container {
  name: string;
  image: string;
  args: string[];
  ports?: { name: string; containerPort: number }[];
  envFrom: { configMapRef: { name: string } }[];
  env: Variable[];
  resources: { requests: Record<string, string>; limits: Record<string, string> };
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
  securityContext: object;
}
interface PodSpec {
  securityContext: object;
  automountServiceAccountToken: boolean;
  terminationGracePeriodSeconds?: number;
  containers: Container[];
}
interface Manifest {
  kind: string;
  metadata: { name: string; labels?: Record<string, string> };
  data?: Record<string, string>;
  stringData?: Record<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: the shapes of eight kinds, each read in one place.
  spec?: any;
}

const ROOT = join(import.meta.dirname, '../../..');
const FOLDER = join(ROOT, 'ops/kubernetes');
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');
const manifests = files.flatMap((name) =>
  parseAllDocuments(readFileSync(join(FOLDER, name), 'utf8')).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  }),
);
const of = (kind: string, name: string): Manifest => {
  const found = manifests.find(({ kind: is, metadata }) => is === kind && metadata.name === name);
  if (!found) throw new Error(`There is no ${kind} ${name}.`);
  return found;
};
const settings = of('ConfigMap', 'order-service').data!;
const secret = of('Secret', 'order-service').stringData!;
const roles = { api: API_CONFIG, processor: PROCESSOR_CONFIG, projector: PROJECTOR_CONFIG };
const defaultOf = (variable: object): unknown => (variable as { default?: unknown }).default;
const PORTS = {
  api: defaultOf(API_CONFIG.properties.PORT),
  processor: defaultOf(PROCESSOR_CONFIG.properties.PROCESSOR_PORT),
  projector: defaultOf(PROJECTOR_CONFIG.properties.PROJECTOR_PORT),
};
const podOf = (role: string): PodSpec => of('Deployment', `order-service-${role}`).spec.template.spec;
const verifyPod = (): PodSpec => of('CronJob', 'order-service-verify').spec.jobTemplate.spec.template.spec;
const dockerfile = text('ops/Dockerfile');

describe.each(Object.keys(roles) as (keyof typeof roles)[])('the deployment of the %s', (role) => {
  const container = podOf(role).containers[0]!;

  it('runs its main.ts, which the image holds, on the port that it listens on', () => {
    expect(container.args).toEqual([`${role}/main.ts`]);
    expect(dockerfile).toContain(`COPY ${role} ${role}`);
    expect(container.ports!.map(({ containerPort }) => containerPort)).toEqual([PORTS[role]]);
  });

  it('is probed where the role answers', () => {
    const { startupProbe, livenessProbe, readinessProbe } = container;
    expect([startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet.path)).toEqual([
      '/health/live',
      '/health/live',
      '/health/ready',
    ]);
    const source = role === 'api' ? text('api/routes/health.ts') : text('shared/runtime/role-server.ts');
    expect(source).toContain(`'/health/live'`);
    expect(source).toContain(`'/health/ready'`);
    for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) expect(httpGet.port).toBe(container.ports![0]!.name);
  });

  it('is given variables that the role knows, with values that it takes', () => {
    expect(container.envFrom).toEqual([{ configMapRef: { name: 'order-service' } }]);
    const known = Object.keys(roles[role].properties);
    expect(container.env.map(({ name }) => name).filter((name) => !known.includes(name))).toEqual([]);
    const secrets = { DATABASE_URL: 'postgres://user@db.example/orders', METRICS_TOKEN: 'sixteen-characters' };
    const filled = container.env.map(({ name }) => [name, secrets[name as keyof typeof secrets] ?? 'x'.repeat(40)]);
    const config = parseConfig(roles[role], { ...settings, ...Object.fromEntries(filled) });
    expect(config).toMatchObject({ AUTH: 'required', HOST: '0.0.0.0', KAFKA_TLS: 'on' });
  });

  it('takes longer to be killed than a role takes to drain', () => {
    const DRAIN_S = 5;
    const preStop = role === 'api' ? 5 : 0;
    expect(podOf(role).terminationGracePeriodSeconds).toBeGreaterThan(DRAIN_S + preStop);
  });

  it('may lose one instance at a time to an eviction', () => {
    const { metadata, spec } = of('PodDisruptionBudget', `order-service-${role}`);
    expect(metadata.labels).toEqual(podLabels(role));
    expect(spec).toEqual({ maxUnavailable: 1, selector: { matchLabels: podLabels(role) } });
  });
});

const podLabels = (role: string): Record<string, string> => of('Deployment', `order-service-${role}`).spec.template.metadata.labels;

describe('every pod', () => {
  const pods = [...Object.keys(roles).map(podOf), verifyPod()];

  it.each(pods.map((pod) => [pod.containers[0]!.name, pod] as const))('may do nothing that it need not: %s', (_, pod) => {
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } });
    const [container] = pod.containers;
    expect(container!.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container!.resources.limits.memory).toBeDefined();
    expect(container!.image).toBe('order-service');
  });

  it('finds its secrets in the one that is described, and all of those are used', () => {
    const used = pods
      .flatMap((pod) => pod.containers[0]!.env)
      .map(({ name, valueFrom }) => {
        expect(valueFrom!.secretKeyRef).toEqual({ name: 'order-service', key: name });
        return name;
      });
    expect(Object.keys(secret).sort()).toEqual([...new Set(used)].sort());
  });
});

it('runs verify by the command line that the image holds', () => {
  const [container] = verifyPod().containers;
  expect(container!.args).toEqual(['ops/cli/main.ts', 'verify']);
  expect(dockerfile).toContain('COPY ops/cli ops/cli');
  expect(dockerfile).toMatch(/^ENTRYPOINT \["node",/m);
});

it('has no secret value anywhere, and applies no secret', () => {
  expect(Object.values(secret).filter((value) => value !== '')).toEqual([]);
  expect(Object.keys(settings).filter((name) => name in secret)).toEqual([]);
  expect(text('ops/kubernetes/kustomization.yaml')).not.toContain('secret.example.yaml');
});

it('knows every setting of the ConfigMap', () => {
  const known = new Set(Object.values(roles).flatMap(({ properties }) => Object.keys(properties)));
  expect(Object.keys(settings).filter((name) => !known.has(name))).toEqual([]);
});

it('lists every manifest in the kustomization, and no other', () => {
  const listed = [...text('ops/kubernetes/kustomization.yaml').matchAll(/^ {2}- (\S+\.yaml)$/gm)].map(([, name]) => name!);
  expect(listed.sort()).toEqual(files.filter((name) => name !== 'secret.example.yaml').sort());
  expect(listed.every((name) => existsSync(join(FOLDER, name)))).toBe(true);
});

describe('autoscaling', () => {
  it('never asks for more processors or projectors than there are partitions', () => {
    const partitions = Number(settings.ORDERS_PARTITIONS);
    const { spec } = of('HorizontalPodAutoscaler', 'order-service-processor');
    expect(spec.maxReplicas).toBe(partitions);
    expect(of('Deployment', 'order-service-projector').spec.replicas).toBeLessThanOrEqual(partitions);
  });

  it('follows a metric that the processor has, by its name', () => {
    const { spec } = of('HorizontalPodAutoscaler', 'order-service-processor');
    expect(spec.metrics.map(({ type }: { type: string }) => type)).toEqual(['External']);
    expect(text('docs/metrics.md')).toContain(`| \`${spec.metrics[0].external.metric.name}\` | processor | gauge |`);
  });

  it('leaves the number of instances to whoever scales them', () => {
    const scaled = manifests.filter(({ kind }) => kind === 'HorizontalPodAutoscaler').map(({ spec }) => spec.scaleTargetRef.name);
    expect(scaled.sort()).toEqual(['order-service-api', 'order-service-processor']);
    for (const name of scaled) expect(of('Deployment', name).spec.replicas).toBeUndefined();
  });
});
