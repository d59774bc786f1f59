{# USES_VARIABLES { N } #}
{# ALLOWS_SCALAR_WRITE #}
{% extends 'common_group.cpp' %}

{% block maincode %}
    // scalar code
    const size_t _vectorisation_idx = -1;
    {{scalar_code|autoindent}}

    const int _N = {{constant_or_scalar('N', variables['N'])}};
    {% if short_loops %}
    {{openmp_pragma('parallel-static')}}
    for(int _first=0; _first<_N; _first+={{block_size}})
    {
        const int _count = _N - _first < {{block_size}} ? _N - _first : {{block_size}};
        {% for line in block_arrays %}
        {{line}}
        {% endfor %}
        {% for code in short_loops %}
        for(int _k=0; _k<_count; _k++)
        {
            const int _idx = _first + _k;
            const size_t _vectorisation_idx = _idx;
            {{code|autoindent}}
        }
        {% endfor %}
    }
    {% else %}
    {{openmp_pragma('parallel-static')}}
    for(int _idx=0; _idx<_N; _idx++)
    {
        const size_t _vectorisation_idx = _idx;
        {{vector_code|autoindent}}
    }
    {% endif %}
{% endblock %}
