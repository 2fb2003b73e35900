// What a program written with @kubernetes/client-node does; prints what it saw as JSON.
import * as k8s from '@kubernetes/client-node';

const config = new k8s.KubeConfig();
config.loadFromFile(process.env.KUBECONFIG);
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);
const custom = config.makeApiClient(k8s.CustomObjectsApi);
const extensions = config.makeApiClient(k8s.ApiextensionsV1Api);
const objects = k8s.KubernetesObjectApi.makeApiClient(config);
const namespace = 'default';
const seen = {};

const within = (promise, what) => Promise.race([
  promise, new Promise((_, fail) => setTimeout(() => fail(new Error(`never happened: ${what}`)), 20000).unref())]);

// Objects: create, list, read, replace, patch, conflict, refusal.
const made = await core.createNamespacedConfigMap({
  namespace, body: { metadata: { name: 'first', labels: { app: 'node' } }, data: { a: '1' } } });
made.data.a = '2';
const replaced = await core.replaceNamespacedConfigMap({ name: 'first', namespace, body: made });
try {
  await core.replaceNamespacedConfigMap({ name: 'first', namespace, body: made });
} catch (error) {
  seen.conflict = [error.code, JSON.parse(error.body).reason];
}
const patched = await core.patchNamespacedConfigMap(
  { name: 'first', namespace, body: [{ op: 'add', path: '/data/b', value: '3' }] },
  k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.JsonPatch));
seen.data = [replaced.data, patched.data];
seen.created = patched.metadata.creationTimestamp instanceof Date;
const applied = await objects.patch(
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'applied', namespace }, data: { x: 'y' } },
  undefined, undefined, 'node', true, k8s.PatchStrategy.ServerSideApply);
seen.manager = applied.metadata.managedFields[0].manager;
const page = await core.listNamespacedConfigMap({ namespace, limit: 1 });
const rest = await core.listNamespacedConfigMap({ namespace, limit: 5, _continue: page.metadata._continue });
seen.pages = [page.items.length, rest.items.map((one) => one.metadata.name)];
try {
  await core.readNamespacedConfigMap({ name: 'absent', namespace });
} catch (error) {
  seen.absent = [error.code, JSON.parse(error.body).message];
}

// An informer hears of what there is and of changes.
const heard = [];
const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`,
  () => core.listNamespacedConfigMap({ namespace, labelSelector: 'app=node' }), 'app=node');
const gone = new Promise((done) => {
  for (const kind of ['add', 'update', 'delete']) {
    informer.on(kind, (obj) => {
      heard.push([kind, obj.metadata.name]);
      if (kind === 'delete') done();
    });
  }
});
const added = new Promise((done) => informer.on('add', done));
const connected = new Promise((done) => informer.on('connect', done));
await informer.start();
await within(Promise.all([added, connected]), 'add');
await core.patchNamespacedConfigMap({ name: 'first', namespace, body: { data: { b: null } } },
  k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.MergePatch));
await core.deleteNamespacedConfigMap({ name: 'first', namespace });
await within(gone, 'delete');
await informer.stop();
seen.heard = heard;

// A deployment is watched until it is there.
const labels = { app: 'web' };
const spec = { replicas: 2, selector: { matchLabels: labels },
  template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web:1' }] } } };
const web = await apps.createNamespacedDeployment({ namespace, body: { metadata: { name: 'web' }, spec } });
let request;
const available = new Promise((done) => {
  request = new k8s.Watch(config).watch(`/apis/apps/v1/namespaces/${namespace}/deployments`,
    { resourceVersion: web.metadata.resourceVersion, allowWatchBookmarks: true },
    (type, obj) => obj.status?.availableReplicas === 2 && done(type), () => {});
});
seen.available = await within(available, 'available');
(await request).abort();
seen.pods = (await core.listNamespacedPod({ namespace, labelSelector: 'app=web' })).items.map((pod) => pod.status.phase);

// A kind of its own.
const definition = JSON.parse(process.env.DEFINITION);
await extensions.createCustomResourceDefinition({ body: definition });
const kind = { group: definition.spec.group, version: 'v1', namespace, plural: definition.spec.names.plural };
const order = { apiVersion: `${kind.group}/v1`, kind: 'Order', metadata: { name: 'one' }, spec: { item: 'bread' } };
const create = async () => {
  for (;;) {
    try {
      return await custom.createNamespacedCustomObject({ ...kind, body: order });
    } catch (error) {
      if (error.code !== 404) throw error;
      await new Promise((done) => setTimeout(done, 50));
    }
  }
};
seen.order = (await within(create(), 'order')).spec;
await custom.patchNamespacedCustomObjectStatus({ ...kind, name: 'one', body: { status: { phase: 'Paid' } } },
  k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.MergePatch));
seen.status = (await custom.getNamespacedCustomObject({ ...kind, name: 'one' })).status;
seen.version = (await config.makeApiClient(k8s.VersionApi).getCode()).gitVersion;
console.log(JSON.stringify(seen));
process.exit(0);
