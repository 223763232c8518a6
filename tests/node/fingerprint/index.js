module.exports = class {}
