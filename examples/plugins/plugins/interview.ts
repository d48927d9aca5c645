export default [
  "{% for message in messages %}{% if message['role'] == 'assistant' %}{{ 'A: ' }}{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}{{ '\\n' }}",
  "{% else %}{{ 'Q: ' + message['content'] + '\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'A: ' }}{% endif %}",
].join('')
