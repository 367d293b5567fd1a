{{ greenhouse_v3.stage('close_reasons') }}
