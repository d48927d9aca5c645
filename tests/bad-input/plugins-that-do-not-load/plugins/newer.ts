export default { name: 'newer', api: 2 }
